"""Records to the comparison frame: means, spreads, failures, stale and n/a rows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats
from support.fabricated import NUMERICS_VERSION, run_id, time_run, train_run, write_runs

from liafbench.bench.tables.comparison import comparison, cost, everything
from liafbench.bench.tables.render import render
from liafbench.bench.tables.write import read_records


def frame_of(tmp_path: Path, runs: list[dict[str, Any]]) -> pd.DataFrame:
    return comparison(read_records(write_runs(tmp_path, runs))).frame


def row(frame: pd.DataFrame, baseline: str, **where: str) -> dict[str, Any]:
    chosen = frame[frame["baseline"] == baseline]
    for key, value in where.items():
        chosen = chosen[chosen[key] == value]
    assert len(chosen) == 1
    return chosen.iloc[0].to_dict()


def test_mean_std_and_n_over_seeds(tmp_path: Path) -> None:
    runs = [train_run(accuracy=a, seed=s) for s, a in enumerate((90.0, 92.0, 97.0))]
    found = row(frame_of(tmp_path, runs), "liaf-net")
    assert found["test_accuracy"] == pytest.approx(93.0)
    assert found["test_accuracy_std"] == pytest.approx(math.sqrt(13.0))
    assert (found["test_accuracy_n"], found["seeds"], found["status"]) == (3, 3, "done")
    expected = stats.ttest_1samp([90.0, 92.0, 97.0], 0).confidence_interval()
    assert found["test_accuracy_low"] == pytest.approx(expected.low)
    assert found["test_accuracy_interval"] == "t over 3 seeds"
    assert found["mac_dense"] == 1_234_567.0


def test_one_network_has_wilsons_interval(tmp_path: Path) -> None:
    found = row(frame_of(tmp_path, [train_run(accuracy=90.0, samples=400)]), "liaf-net")
    expected = stats.binomtest(360, 400).proportion_ci(method="wilson")
    assert found["test_accuracy_low"] == pytest.approx(100 * expected.low)
    assert found["test_accuracy_high"] == pytest.approx(100 * expected.high)
    assert math.isnan(found["test_accuracy_std"])


def test_seeds_that_answered_the_same_samples_have_a_hierarchical_interval(tmp_path: Path) -> None:
    runs = [train_run(accuracy=90.0 + s, samples=400, seed=s) for s in range(3)]
    found = row(frame_of(tmp_path, runs), "liaf-net")
    assert found["test_accuracy_interval"] == "hierarchical over 3 seeds x 400 test samples"
    assert found["test_accuracy_low"] < found["test_accuracy"] < found["test_accuracy_high"]


def test_a_failed_seed_is_shown_and_not_averaged(tmp_path: Path) -> None:
    runs = [train_run(accuracy=90.0, seed=0), train_run(accuracy=None, seed=1)]
    found = row(frame_of(tmp_path, runs), "liaf-net")
    assert (found["test_accuracy"], found["status"], found["failed"]) == (90.0, "incomplete", 1)
    assert "seed 1 failed: Diverged" in found["note"]


def test_a_value_that_is_no_number_is_a_failed_seed(tmp_path: Path) -> None:
    runs = [train_run(accuracy=90.0, seed=0), train_run(accuracy=float("nan"), seed=1)]
    found = row(frame_of(tmp_path, runs), "liaf-net")
    assert (found["test_accuracy"], found["test_accuracy_n"], found["failed"]) == (90.0, 1, 1)


def test_all_seeds_failed(tmp_path: Path) -> None:
    runs = [train_run(accuracy=90.0), train_run("klif", None)]
    found = row(frame_of(tmp_path, runs), "klif")
    assert found["status"] == "failed"
    assert math.isnan(found["test_accuracy"])


def test_stale_runs_fill_only_rows_with_nothing_newer(tmp_path: Path) -> None:
    old = NUMERICS_VERSION - 1
    runs = [
        train_run("liaf-net", 50.0, seed=0, numerics=old),
        train_run("liaf-net", 90.0, seed=0),
        train_run("liaf-net", 40.0, seed=1, numerics=old),
        train_run("klif", 60.0, seed=0, numerics=old),
    ]
    frame = frame_of(tmp_path, runs)
    fresh, stale = row(frame, "liaf-net"), row(frame, "klif")
    assert (fresh["test_accuracy"], fresh["test_accuracy_n"], fresh["status"]) == (90.0, 1, "done")
    assert "1 stale seeds not shown" in fresh["note"]
    assert (stale["test_accuracy"], stale["status"]) == (60.0, "stale")


def test_of_two_runs_of_one_seed_the_newer_counts(tmp_path: Path) -> None:
    runs = [
        train_run(accuracy=90.0, recipe={"epochs": 3}, started="2026-01-01T00:00:00+00:00"),
        train_run(accuracy=95.0, recipe={"epochs": 9}, started="2026-02-01T00:00:00+00:00"),
    ]
    found = row(frame_of(tmp_path, runs), "liaf-net")
    assert (found["test_accuracy"], found["test_accuracy_n"]) == (95.0, 1)


def test_options_and_data_make_rows_of_their_own(tmp_path: Path) -> None:
    runs = [
        train_run(accuracy=90.0),
        train_run(accuracy=91.0, options={"layers": 2}),
        train_run(accuracy=92.0, data={"contrast": 1.2}),
    ]
    frame = frame_of(tmp_path, runs)
    assert sorted(frame["test_accuracy"]) == [90.0, 91.0, 92.0]
    assert row(frame, "liaf-net", options="layers=2")["test_accuracy"] == 91.0
    assert row(frame, "liaf-net", data="contrast=1.2")["test_accuracy"] == 92.0


def test_timing_keeps_its_own_spread_and_rounds(tmp_path: Path) -> None:
    runs = [train_run(accuracy=90.0, seed=s) for s in range(2)]
    found = row(frame_of(tmp_path, [*runs, time_run({"liaf-net": 500.0})]), "liaf-net")
    assert found["inference_throughput"] == 500.0
    assert found["inference_throughput_std"] == pytest.approx(10.0)
    assert found["inference_throughput_n"] == 10
    assert found["seeds"] == 2


def test_the_newer_of_two_timings_counts(tmp_path: Path) -> None:
    runs = [
        time_run({"liaf-net": 500.0, "klif": 400.0}, started="2026-01-01"),
        time_run({"liaf-net": 600.0}, started="2026-02-01"),
    ]
    frame = frame_of(tmp_path, runs)
    assert row(frame, "liaf-net")["inference_throughput"] == 600.0
    assert row(frame, "klif")["inference_throughput"] == 400.0


def test_tuning_runs_stay_out(tmp_path: Path) -> None:
    tuned = train_run(accuracy=10.0, seed=100) | {"kind": "tune", "run_id": run_id("tune")}
    found = row(frame_of(tmp_path, [train_run(accuracy=90.0), tuned]), "liaf-net")
    assert (found["test_accuracy"], found["test_accuracy_n"]) == (90.0, 1)


def test_a_baseline_that_cannot_serve_a_task_says_why(tmp_path: Path) -> None:
    runs = [
        train_run("liaf-net", task="babi-sim", backbone="tokens"),
        train_run("conv-lstm", task="digits-dvs"),
    ]
    found = row(frame_of(tmp_path, runs), "conv-lstm", task="babi-sim")
    assert found["status"] == "n/a"
    assert "tokens" in found["note"]


def test_partial_data_and_findings_are_noted(tmp_path: Path) -> None:
    run = train_run(accuracy=90.0, task="nmnist")
    run["provenance"]["data"] = {"partial": True, "note": "1000 of 60000 recordings"}
    run["health"] = [{"layer": "neuron2", "what": "spike rate", "value": 0.0}]
    found = row(frame_of(tmp_path, [run]), "liaf-net")
    assert "partial data: 1000 of 60000 recordings" in found["note"]
    assert "seed 0: neuron2: spike rate 0" in found["note"]


def test_unofficial_data_is_noted(tmp_path: Path) -> None:
    run = train_run(accuracy=90.0, task="cifar10")
    note = "not the official file: data_batch_1.bin"
    for partial, kind in ((False, "unofficial"), (True, "partial and unofficial")):
        data = {"partial": partial, "unofficial": True, "note": note}
        run["provenance"]["data"] = data
        assert f"{kind} data: {note}" in row(frame_of(tmp_path, [run]), "liaf-net")["note"]


def test_marks_say_what_sets_a_row_apart(tmp_path: Path) -> None:
    runs = [
        train_run("lstm", task="fashion-mnist"),
        train_run("gru", task="fashion-mnist"),
        train_run("gru", task="nmnist"),
        train_run("liaf-net", task="fashion-mnist"),
        train_run("klif", task="fashion-mnist", recipe={"loss": "mse-rate"}),
    ]
    frame = frame_of(tmp_path, runs)
    assert row(frame, "lstm")["mark"] == "still image repeated"
    assert row(frame, "gru", task="fashion-mnist")["mark"] == "still image repeated"
    assert row(frame, "gru", task="nmnist")["mark"] == ""
    assert row(frame, "liaf-net")["mark"] == ""
    assert row(frame, "klif")["mark"] == "loss mse-rate"


def test_models_stand_in_the_registrys_order_and_controls_last(tmp_path: Path) -> None:
    names = ["cnn", "lstm", "my.model:build", "liaf-net"]
    frame = frame_of(tmp_path, [train_run(name) for name in names])
    assert list(frame["baseline"]) == ["liaf-net", "lstm", "my.model:build", "cnn"]
    assert list(frame["role"]) == ["baseline", "baseline", "baseline", "control"]


def test_babi_tasks_stand_by_number(tmp_path: Path) -> None:
    tasks = ["babi-qa10", "babi-qa2", "babi-qa1"]
    frame = frame_of(tmp_path, [train_run(task=task, backbone="tokens") for task in tasks])
    assert list(frame["task"]) == ["babi-qa1", "babi-qa2", "babi-qa10"]


def test_bare_records_will_do(tmp_path: Path) -> None:
    """records.csv, without run files: the same means."""
    runs = [train_run(accuracy=a, seed=s) for s, a in enumerate((90.0, 92.0))]
    results = read_records(write_runs(tmp_path, runs))
    bare = results.records.drop(columns=["machine", "data", "options"])
    found = row(comparison(bare).frame, "liaf-net")
    assert (found["test_accuracy"], found["test_accuracy_n"]) == (91.0, 2)


def test_no_records_give_an_empty_frame(tmp_path: Path) -> None:
    results = read_records(write_runs(tmp_path, [train_run(accuracy=None)]))
    assert list(comparison(results).frame["status"]) == ["failed"]
    assert comparison(results.records).frame.empty


def test_cost_has_every_energy_and_no_accuracy(tmp_path: Path) -> None:
    extra = {"energy_with_memory": (9.0, "uJ/sample")}
    frame = cost(read_records(write_runs(tmp_path, [train_run(extra=extra)]))).frame
    assert {"energy_45nm_fp32", "energy_with_memory", "synapses"} <= set(frame.columns)
    assert "test_accuracy" not in frame.columns


def test_a_users_metric_is_in_everything(tmp_path: Path) -> None:
    extra = {"carbon": (3.0, "g"), "test_accuracy/hard": (40.0, "%")}
    table = everything(read_records(write_runs(tmp_path, [train_run(extra=extra)])))
    frame = table.frame
    assert frame["carbon"].tolist() == [3.0]
    assert table.units["carbon"] == "g"
    assert "test_accuracy/hard" not in frame.columns


def test_a_kernel_that_stood_in_for_another_is_named_below_the_table(tmp_path: Path) -> None:
    runs = [train_run(seed=0), train_run(seed=1)]
    said = "kernel cpu stands aside in a backward pass: compiling took more than 4.5 s"
    runs[1]["provenance"]["kernel_fallbacks"] = [said]
    table = comparison(read_records(write_runs(tmp_path, runs)))
    assert f"portable; {said}" in render(table, "md")
    alone = comparison(read_records(write_runs(tmp_path / "without", runs[:1])))
    assert said not in render(alone, "md")
