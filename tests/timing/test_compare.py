"""Two results folders held against each other."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.main import app
from liafbench.bench.compare import differences, ratios, read_side
from liafbench.bench.results import load
from liafbench.bench.runfiles import NUMERICS_VERSION, Run
from liafbench.bench.runs.store import Store


def write(
    folder, *, kernel="cpu-avx512", machine="m", epochs=3, accuracy=(90.0, 92.0), speed=100.0,
    suite="quick", task="digits-dvs",
):  # fmt: skip
    """Two training runs and a timing run of one cell."""
    store = Store(folder / suite / machine)
    store.prepare()
    cell = {"task": task, "backbone": "small", "engine": "native"}
    config = {
        **cell, "baselines": ["liaf-net"], "budget": "equal-backbone",
        "recipe": {"epochs": epochs}, "data": {}, "options": {},
        "numerics_version": NUMERICS_VERSION,
    }  # fmt: skip
    shared = {**cell, "baseline": "liaf-net", "budget": "equal-backbone"}
    for seed, value in enumerate(accuracy):
        record = {**shared, "seed": seed, "metric": "test_accuracy", "value": value, "unit": "%"}
        save(store, f"{seed:016x}", "train", {**config, "seed": seed}, [record], kernel, suite)
    record = {
        **shared, "seed": None, "metric": "inference_throughput", "value": speed,
        "unit": "samples/s", "n": 10, "spread": 2.0,
    }  # fmt: skip
    save(store, "f" * 16, "time", {**config, "seed": None}, [record], kernel, suite)
    return folder


def save(store, run_id, kind, config, records, kernel, suite):
    timing = {"timing": {"inference": {"load_average": len(kernel)}}}
    store.write(
        Run.model_validate(
            {
                "schema": 2, "run_id": run_id, "suite": suite, "kind": kind, "status": "done",
                "config": {"kind": kind, **config}, "records": records,
                "provenance": {"kernel": kernel, "versions": {"torch": "2.13.0"}, **timing},
            }
        )
    )  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    a = write(tmp_path / "a")
    b = write(tmp_path / "b", kernel="portable", machine="n", epochs=4, speed=50.0)
    return a, b


def test_ratios_are_b_over_a_with_both_spreads(folders):
    table = ratios(*map(read_side, folders)).set_index("metric")
    speed = table.loc["inference_throughput"]
    assert (speed["a"], speed["b"], speed["ratio"]) == (100.0, 50.0, 0.5)
    assert (speed["spread_a"], speed["n_a"], bool(speed["apart"])) == (2.0, 10, True)
    accuracy = table.loc["test_accuracy"]
    assert (accuracy["a"], accuracy["n_a"], accuracy["ratio"]) == (91.0, 2, 1.0)
    assert accuracy["spread_a"] == pytest.approx(2**0.5)
    assert not accuracy["apart"]


def test_what_differs_is_named_and_the_load_of_the_moment_is_not(folders):
    found = differences(*map(load, folders)).set_index("entry")
    assert set(found.index) == {"provenance.kernel", "config.recipe.epochs"}
    assert tuple(found.loc["provenance.kernel"]) == ("cpu-avx512", "portable")


def test_a_folder_against_itself_differs_in_nothing(folders):
    a, _ = folders
    assert differences(load(a), load(a)).empty
    table = ratios(read_side(a), read_side(a))
    assert set(table["ratio"]) == {1.0}
    assert not table["apart"].any()


def test_suites_without_a_common_name_are_compared_by_their_cells(tmp_path):
    a, b = write(tmp_path / "a"), write(tmp_path / "b", suite="mine")
    assert len(ratios(read_side(a), read_side(b))) == 2


def test_zero_has_no_ratio_but_to_zero(tmp_path):
    a = write(tmp_path / "a", speed=0.0)
    b = write(tmp_path / "b", speed=1.0)
    speed = ratios(read_side(a), read_side(b)).set_index("metric").loc["inference_throughput"]
    assert speed["ratio"] != speed["ratio"]
    assert set(ratios(read_side(a), read_side(a))["ratio"]) == {1.0}


def test_two_machines_in_one_folder_are_told_apart(tmp_path):
    both = write(write(tmp_path / "a"), machine="n")
    with pytest.raises(UsageError, match="several machines"):
        read_side(both)


def test_nothing_in_common_is_an_error(tmp_path):
    a, b = write(tmp_path / "a"), write(tmp_path / "b", task="nmnist")
    with pytest.raises(UsageError, match="in common"):
        ratios(read_side(a), read_side(b))


def test_the_command_shows_the_differences_before_the_ratios(folders):
    done = CliRunner().invoke(app, ["compare", *map(str, folders)])
    assert done.exit_code == 0, done.output
    assert done.output.index("portable") < done.output.index("0.500")


def test_json_and_a_choice_of_metrics(folders):
    words = ["compare", *map(str, folders), "--json", "--metric", "test_accuracy"]
    document = json.loads(CliRunner().invoke(app, words).stdout)
    assert [row["metric"] for row in document["ratios"]] == ["test_accuracy"]
    assert document["differences"][0]["entry"] == "config.recipe.epochs"


def test_a_metric_that_is_not_there_is_named(folders):
    done = CliRunner().invoke(app, ["compare", *map(str, folders), "--metric", "acuracy"])
    assert isinstance(done.exception, UsageError)
    assert "test_accuracy" in str(done.exception)


def test_a_folder_against_the_papers(tmp_path):
    folder = write(tmp_path / "a")
    done = CliRunner().invoke(app, ["compare", str(folder), "published"])
    assert isinstance(done.exception, UsageError), "digits-dvs is in no paper"


def test_published_figures_stand_beside_ours(tmp_path):
    store = Store(tmp_path / "klif" / "m")
    store.prepare()
    cell = {"task": "cifar10", "backbone": "plif", "engine": "native", "budget": "equal-backbone"}
    record = {**cell, "baseline": "klif", "seed": 0, "metric": "test_accuracy", "value": 91.0}
    config = {
        **cell, "baselines": ["klif"], "recipe": {}, "data": {}, "options": {}, "seed": 0,
        "numerics_version": NUMERICS_VERSION,
    }  # fmt: skip
    save(store, "0" * 16, "train", config, [{**record, "unit": "%"}], "portable", "klif")
    words = ["compare", str(tmp_path), "published", "--json"]
    document = json.loads(CliRunner().invoke(app, words).stdout)
    found = {row["method"]: row for row in document["published"]}
    assert found["KLIF"]["published"] == 92.52
    assert found["KLIF"]["difference"] == pytest.approx(91.0 - 92.52)
