"""What a suite asks for decides what counts: superseded, missing and mixed runs, damaged plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.fabricated import run_id, time_run, train_run, write_runs

from liafbench.bench.report.series import counting_runs
from liafbench.bench.results import load
from liafbench.bench.results.labels import FAMILY_TASKS
from liafbench.bench.tables.accuracy import FAMILY_MEAN, accuracy
from liafbench.bench.tables.comparison import comparison, unfinished
from liafbench.bench.tables.render import render
from liafbench.bench.tables.write import read_records, write_tables

FOLDER = Path("quick") / "test-cpu"
KEYS = ("task", "backbone", "engine", "budget", "seed")


def planned(run: dict[str, Any]) -> dict[str, Any]:
    config = run["config"]
    own = {"run_id": run["run_id"], "kind": run["kind"], "baseline": "+".join(config["baselines"])}
    return own | {key: config[key] for key in KEYS}


def write_plan(root: Path, runs: list[dict[str, Any]]) -> None:
    document = {"schema": 1, "suite": "quick", "cells": [planned(run) for run in runs]}
    (root / FOLDER / "plan.json").write_text(json.dumps(document))


def results(root: Path, runs: list[dict[str, Any]], asked: list[dict[str, Any]]) -> Any:
    write_runs(root, runs)
    write_plan(root, asked)
    return read_records(root)


def row(frame: pd.DataFrame, baseline: str) -> dict[str, Any]:
    return frame[frame["baseline"] == baseline].iloc[0].to_dict()


def said(results: Any, what: str) -> list[dict[str, Any]]:
    frame = unfinished(results).frame
    return frame[frame["what"] == what].to_dict("records")


def test_what_the_suite_no_longer_asks_for_is_superseded(tmp_path: Path) -> None:
    """Even the newest run of its cell and seed, and cells that have no run in the plan."""
    asked = [train_run(accuracy=90.0, seed=s, started="2026-01-01") for s in range(2)]
    other = [
        train_run(accuracy=50.0, seed=s, recipe={"epochs": 1}, started="2026-05-01")
        for s in range(3)
    ]
    gone = train_run("klif", 99.0)
    found = results(tmp_path, [*asked, *other, gone], asked)
    frame = comparison(found).frame
    assert list(frame["baseline"]) == ["liaf-net"]
    assert (frame["test_accuracy"][0], frame["seeds"][0], frame["status"][0]) == (90.0, 2, "done")
    listed = {each["run"] for each in said(found, "superseded")}
    assert listed == {run["run_id"] for run in [*other, gone]}


def test_a_planned_seed_without_a_run_makes_the_row_incomplete(tmp_path: Path) -> None:
    liaf = [train_run(accuracy=95.0, seed=s) for s in range(3)]
    rest = [train_run(name, 90.0, seed=s) for name in ("klif", "lif-snn") for s in range(3)]
    found = results(tmp_path, [*liaf[:2], *rest], [*liaf, *rest])
    table = comparison(found)
    incomplete = row(table.frame, "liaf-net")
    assert (incomplete["status"], incomplete["seeds"]) == ("incomplete", 2)
    assert incomplete["note"] == "seed 2 planned and not run"
    assert [each["run"] for each in said(found, "missing")] == [liaf[2]["run_id"]]
    for each in (table, accuracy(found)):
        text = render(each, "md")
        assert "95.00 ± 0.00 (n=2)" in text
        assert "**95" not in text
        assert "*95" not in text


def test_a_cell_with_no_run_at_all_is_missing(tmp_path: Path) -> None:
    here, absent = train_run("klif", 90.0), train_run("liaf-net", options={"layers": 2})
    found = results(tmp_path, [here], [here, absent])
    assert row(comparison(found).frame, "liaf-net")["status"] == "missing"
    assert accuracy(found).frame["liaf-net_status"].tolist() == ["missing"]
    assert "missing" in render(accuracy(found), "md")


def test_missing_seeds_stand_in_the_row_of_their_siblings(tmp_path: Path) -> None:
    runs = [train_run(accuracy=90.0, seed=s, data={"contrast": 1.2}) for s in range(2)]
    frame = comparison(results(tmp_path, runs[:1], runs)).frame
    assert frame[["data", "status"]].to_numpy().tolist() == [["contrast=1.2", "incomplete"]]


def test_a_choice_of_rows_does_not_bring_superseded_runs_back(tmp_path: Path) -> None:
    asked, gone = train_run(), train_run(task="mnist")
    results(tmp_path, [asked, gone], [asked])
    write_tables(tmp_path, ["csv"], tasks=["mnist"])
    lines = (tmp_path / FOLDER / "tables" / "comparison.csv").read_text().splitlines()
    assert len(lines) == 1


def test_a_timing_of_chosen_baselines_counts_until_the_planned_one_is_there(tmp_path: Path) -> None:
    run, chosen = train_run(), time_run({"liaf-net": 500.0}, started="2026-05-01")
    whole = time_run({"liaf-net": 400.0, "klif": 300.0}, started="2026-01-01")
    found = comparison(results(tmp_path, [run, chosen], [run, whole])).frame
    assert row(found, "liaf-net")["inference_throughput"] == 500.0
    found = comparison(results(tmp_path, [whole], [run, whole])).frame
    assert row(found, "liaf-net")["inference_throughput"] == 400.0


def test_failed_tuning_is_listed_rate_by_rate(tmp_path: Path) -> None:
    tuned = []
    for rate, status in ((1e-3, "done"), (1e-2, "failed"), (1e-1, "failed")):
        run = train_run(accuracy=None if status == "failed" else 10.0, seed=100)
        run |= {"kind": "tune", "run_id": run_id("tune", rate)}
        run["config"] = run["config"] | {"recipe": {"learning_rate": rate, "epochs": 1}}
        tuned.append(run)
    found = read_records(write_runs(tmp_path, [train_run(), *tuned]))
    reasons = [each["reason"] for each in said(found, "failed")]
    assert sorted(reason.split(":")[0] for reason in reasons) == [
        "tuning, learning rate 0.01", "tuning, learning rate 0.1",
    ]  # fmt: skip
    assert row(comparison(found).frame, "liaf-net")["status"] == "done"


@pytest.mark.parametrize(
    "text",
    ['{"schema": 1, "sui', "[]", "null", '{"schema": 7, "suite": "quick", "cells": []}', "ÿ"],
)
def test_a_damaged_plan_is_one_problem_and_treated_as_absent(tmp_path: Path, text: str) -> None:
    runs = [train_run(accuracy=90.0, seed=s) for s in range(2)]
    write_runs(tmp_path, runs)
    (tmp_path / FOLDER / "plan.json").write_bytes(text.encode("latin-1"))
    found = read_records(tmp_path)
    (problem,) = found.findings
    assert problem.path.name == "plan.json"
    assert "the plan is not used" in problem.reason
    assert "\n" not in problem.reason
    assert row(comparison(found).frame, "liaf-net")["seeds"] == 2


@pytest.mark.parametrize("what", ["recipe", "code", "budget_reference"])
def test_seeds_of_two_recipes_are_never_averaged(tmp_path: Path, what: str) -> None:
    old, new = ({"epochs": 3}, {"epochs": 9}) if what == "recipe" else ({"x": "a"}, {"x": "b"})
    if what == "budget_reference":
        old, new = "klif", "liaf-net"
    runs = [train_run("klif", 70.0, seed=s) for s in range(3)]
    for seed in range(3):
        run = train_run(
            accuracy=60.0 if seed == 0 else 90.0, seed=seed, started=f"2026-0{seed + 1}"
        )
        run["config"][what] = old if seed == 0 else new
        runs.append(run)
    found = read_records(write_runs(tmp_path, runs))
    mixed = row(comparison(found).frame, "liaf-net")
    assert (mixed["status"], mixed["test_accuracy"], mixed["seeds"]) == ("mixed recipes", 90.0, 2)
    assert "seed 0 trained by another recipe or other code, not averaged" in mixed["note"]
    assert len(said(found, "other recipe")) == 1
    for table in (comparison(found), accuracy(found)):
        text = render(table, "md")
        assert "90.00 ± 0.00 (mixed recipes) (n=2)" in text
        assert "**90" not in text


def test_a_tuned_rate_is_no_other_recipe(tmp_path: Path) -> None:
    runs = [
        train_run(accuracy=90.0, seed=s, recipe={"epochs": 3, "learning_rate": 10.0**-s})
        for s in range(2)
    ]
    found = row(comparison(read_records(write_runs(tmp_path, runs))).frame, "liaf-net")
    assert (found["status"], found["seeds"]) == ("done", 2)


def test_a_field_at_its_default_is_no_other_recipe(tmp_path: Path) -> None:
    """Files from before a field of the recipe was there have the same id, and are the same."""
    recipes = ({"epochs": 3}, {"epochs": 3, "channels_last": False})
    runs = [train_run(accuracy=90.0, seed=s, recipe=recipe) for s, recipe in enumerate(recipes)]
    found = row(comparison(read_records(write_runs(tmp_path, runs))).frame, "liaf-net")
    assert (found["status"], found["seeds"]) == ("done", 2)


def babi(accuracies: dict[int, float], **fields: Any) -> list[dict[str, Any]]:
    return [
        train_run(accuracy=value, seed=seed, task=task, backbone="tokens", **fields)
        for seed, value in accuracies.items()
        for task in FAMILY_TASKS
    ]


def test_stale_and_failed_runs_are_no_part_of_babis_mean(tmp_path: Path) -> None:
    runs = babi({0: 60.0, 1: 62.0}) + babi({2: 10.0}, numerics=0) + babi({3: 99.0})[:19]
    runs.append(train_run(accuracy=None, seed=3, task=FAMILY_TASKS[19], backbone="tokens"))
    frame = accuracy(read_records(write_runs(tmp_path, runs))).frame
    mean = frame[frame["task"] == FAMILY_MEAN].iloc[0]
    assert (mean["liaf-net"], mean["liaf-net_n"]) == (61.0, 2)
    assert mean["liaf-net_status"] == "incomplete"  # a seed failed on one of the twenty


def test_only_stale_runs_have_no_mean_over_babi(tmp_path: Path) -> None:
    frame = accuracy(read_records(write_runs(tmp_path, babi({0: 60.0}, numerics=0)))).frame
    assert FAMILY_MEAN not in set(frame["task"])
    assert set(frame["liaf-net_status"]) == {"stale"}


def test_curves_and_layers_leave_out_what_tables_leave_out(tmp_path: Path) -> None:
    fresh, old = train_run(seed=0), train_run(seed=1, numerics=0)
    alone, failed = train_run("klif", numerics=0), train_run(accuracy=None, seed=2)
    write_runs(tmp_path, [fresh, old, alone, failed])
    counting = counting_runs(load(tmp_path).runs)
    assert set(counting) == {fresh["run_id"], alone["run_id"]}
