"""What the page says, held against the run files it was made from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import report_runs
from hypothesis import given
from hypothesis import strategies as st
from support.fabricated import time_run, train_run, write_runs

from liafbench.baselines.errors import UsageError
from liafbench.bench.claims import judge
from liafbench.bench.report import html, write_report
from liafbench.bench.report.content import gather
from liafbench.bench.report.pareto import front
from liafbench.bench.report.write import as_script
from liafbench.bench.results import load
from liafbench.bench.tables.comparison import comparison
from liafbench.bench.tables.write import read_records


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=12))
def test_the_front_is_what_no_other_point_beats(points: list[tuple[int, int]]) -> None:
    kept = {points[place] for place in front([p[0] for p in points], [p[1] for p in points])}
    beaten = {
        (cost, gain)
        for cost, gain in points
        if any(c <= cost and g >= gain and (c, g) != (cost, gain) for c, g in points)
    }
    assert kept == set(points) - beaten


def test_the_front_rises_and_names_a_point_once() -> None:
    costs, gains = [3.0, 1.0, 1.0, 2.0, 5.0], [90.0, 80.0, 80.0, 70.0, 95.0]
    assert front(costs, gains) == [1, 0, 4]


def test_layers_are_means_over_seeds_in_the_networks_order(tmp_path: Path) -> None:
    runs = [report_runs.run("lif-snn", seed, (90.0, 1000, 2.0)) for seed in range(3)]
    document = gather(write_runs(tmp_path, runs)).document
    assert [each["layer"] for each in document["layers"]] == list(report_runs.PATHS)
    # 0.05 for the layer's place, and 0.00, 0.01, 0.02 by seed.
    rates = [each["spike_rate"] for each in document["layers"]]
    assert rates == [None, 0.11, None, None, 0.26, None, None]
    assert [each["mac_dense"] for each in document["layers"]] == [1e5, 0, 0, 4e5, 0, 6e5, 7e5]


def test_curves_come_from_the_runs_that_count(tmp_path: Path) -> None:
    old = report_runs.run("gru", 0, (90.0, 1000, 2.0), started="2020-01-01T00:00:00+00:00")
    newer = report_runs.run(
        "gru", 0, (90.0, 1000, 2.0), recipe={"epochs": 5}, epochs=5,
        started="2027-01-01T00:00:00+00:00",
    )  # fmt: skip
    failed = train_run("gru", None, seed=1)
    assert old["run_id"] != newer["run_id"]
    document = gather(write_runs(tmp_path, [old, newer, failed])).document
    lengths = {(each["name"], each["seed"]): len(each["values"]) for each in document["curves"]}
    assert lengths == {("train_loss", 0): 5, ("validation_accuracy", 0): 5}


def test_one_run_id_in_two_folders_is_two_rows(tmp_path: Path) -> None:
    one = report_runs.run("gru", 0, (90.0, 1000, 2.0))
    write_runs(tmp_path, [one], machine="here")
    write_runs(tmp_path, [{**one, "suite": "other"}], machine="here")
    document = gather(tmp_path).document
    assert len(document["blocks"]) == 2
    assert len(document["curves"]) == 2 * 2
    assert {each["block"].split("|")[0] for each in document["curves"]} == {"quick", "other"}


def test_a_users_metric_has_a_column(tmp_path: Path) -> None:
    metric = "mypackage.mymodule:calibration"
    run = report_runs.run("gru", 0, (90.0, 1000, 2.0))
    own = {**run["records"][0], "metric": metric, "value": 4.5, "unit": "%"}
    run["records"].append(own)
    content = gather(write_runs(tmp_path, [run]))
    assert (metric, f"{metric} [%]") in content.heads


def test_the_table_has_every_column_of_the_comparison_once(tmp_path: Path) -> None:
    """Both energies, and below it what speeds and counts rest on."""
    energies = {
        f"energy_45nm_fp32{part}": (value, "pJ/sample")
        for part, value in (("", 4e6), ("_memory", 9e6))
    }
    timed = time_run({"lif-snn": 900.0})
    timed["config"]["measure"] = {"timing_batch": 32}
    counted = train_run("lif-snn", samples=355, counts={"mac_effective": 5e5}, extra=energies)
    for record in counted["records"]:
        whole = record["metric"] == "test_accuracy"
        record |= {"n": 355} if whole else {"n": 32, "spread": record["value"] / 10}
    root = write_runs(tmp_path, [counted, timed])
    content = gather(root)
    shown = [metric for metric, _ in content.heads]
    assert shown == comparison(read_records(root)).metrics
    assert set(energies) <= set(shown)
    page = html(content, "results")
    for metric in shown:
        assert page.count(f'data-metric="{metric}"') == 1
    assert "speed and memory: batch 32" in page
    assert "means over 32 of 355 test samples" in page


def test_the_page_tells_how_to_make_its_numbers_again(tmp_path: Path) -> None:
    run = report_runs.run("gru", 0, (90.0, 1000, 2.0))
    run["provenance"] |= {"commit": "abc123+changes", "versions": {"torch": "2.13.0"}}
    own = {**run, "suite": "my-suite"}
    commands = gather(write_runs(tmp_path / "a", [run])).sources[0].commands
    assert commands[0] == "git checkout abc123"
    assert "uncommitted" in commands[1]
    assert commands[-1] == "liafbench run quick"
    assert (
        gather(write_runs(tmp_path / "b", [own]))
        .sources[0]
        .commands[-1]
        .startswith("liafbench run my-suite.toml")
    )


def test_a_damaged_run_file_is_named_on_the_page(tmp_path: Path) -> None:
    write_runs(tmp_path, [report_runs.run("gru", 0, (90.0, 1000, 2.0))])
    (tmp_path / "quick" / "test-cpu" / "runs" / "0123.json").write_text("{")
    problems = write_report(tmp_path, tmp_path / "page.html")
    assert [problem.path.name for problem in problems] == ["0123.json"]
    assert "0123.json: not a whole run file" in (tmp_path / "page.html").read_text("utf-8")


def test_no_results_and_no_place_to_write_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such results folder"):
        write_report(tmp_path / "nothing", tmp_path / "page.html")
    write_runs(tmp_path, [report_runs.run("gru", 0, (90.0, 1000, 2.0))])
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(tmp_path, tmp_path / "file" / "page.html")


def test_the_page_is_complete_and_small_at_five_hundred_runs(tmp_path: Path) -> None:
    tasks = ("digits-dvs", "nmnist", "mnist", "fashion-mnist", "cifar10", "babi-qa1")
    root = report_runs.usual(tmp_path / "results", tasks, seeds=5)
    assert len(list(root.rglob("*.json"))) > 500
    write_report(root, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert len(text.encode()) < 15e6
    own = text[: text.index('id="plotly"')]
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)", own)
    assert "default-src 'none'" in own


@pytest.mark.parametrize("name", ["</script><b>", "<!--", "&amp;", " \u2028"])
def test_data_cannot_leave_its_script_element(name: str) -> None:
    text = as_script({"name": name})
    assert "<" not in text
    assert json.loads(text) == {"name": name}


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError):
        as_script({"value": float("nan")})


def test_every_claim_stands_on_the_page_with_its_verdicts(tmp_path: Path) -> None:
    runs = [
        report_runs.run(name, seed, figures, suite="claims-small", task="nmnist", budget=budget)
        for name, figures in (("klif", (93.0, 40_010, 2.0)), ("lif-snn", (80.0, 40_000, 1.8)))
        for budget in ("equal-backbone", "equal-budget")
        for seed in range(6)
    ]
    root = write_runs(tmp_path, runs)
    judged = {(each.claim.says, each.budget): each.verdict.value for each in judge(load(root))}
    content = gather(root)
    shown = {
        (claim["claim"], side["budget"]): side["verdict"]
        for claim in content.claims
        for side in claim["sides"]
    }
    assert shown == judged
    assert len(set(shown.values())) > 1
    page = html(content, "results")
    assert page.count('<article class="claim">') == len(content.claims)
    decided = [claim for claim in content.claims if claim["run"]]
    assert f"Not run here ({len(content.claims) - len(decided)})" in page
