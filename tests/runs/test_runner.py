"""Running a suite: the same numbers however it is run, and nothing lost when a cell fails."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from support.toy_suite import Heard, records, run, suite

from liafbench.baselines.errors import UsageError
from liafbench.bench.only import Only
from liafbench.bench.runfiles import Provenance
from liafbench.bench.runs.plan import Options, check_data, plan
from liafbench.bench.runs.runner import Runner
from liafbench.bench.runs.tune import TuningFailed, choose_learning_rate
from liafbench.bench.suites import Group, Recipe, Suite


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Runner, Heard]:
    return run(suite(track_test=True), tmp_path_factory.mktemp("serial"))


def test_every_cell_is_recorded_with_its_provenance(finished: tuple[Runner, Heard]) -> None:
    runner, heard = finished
    runs = list(runner.plan.store.all())
    assert len(runs) == 4
    assert {each.status for each in runs} == {"done"}
    for each in runs:
        assert each.config.plain()["recipe"]["epochs"] == 1
        assert each.provenance.plain()["threads"] == 1
        assert each.provenance.plain()["kernel"]
        assert each.provenance.plain()["kernel_fallbacks"] == []
        assert each.provenance.plain()["allocator"].startswith(("keep-pages", "default (not glibc"))
        assert each.provenance.plain()["data"]["split_checksum"]
        assert runner.plan.store.checkpoint(each.run_id).exists()
    assert {(run_id, 1, 1) for run_id in (r.run_id for r in runs)} == set(heard.epochs)


def test_accuracy_agrees_with_the_stored_predictions(finished: tuple[Runner, Heard]) -> None:
    for each in finished[0].plan.store.all():
        values = {record.metric: record.value for record in each.records}
        bits = bytes.fromhex(each.predictions.correct)
        right = sum(bin(byte).count("1") for byte in bits)
        assert values["test_accuracy"] == pytest.approx(100 * right / each.predictions.n)
        assert values["best_test_accuracy"] == max(each.curves["test_accuracy"])


def test_two_processes_give_the_numbers_of_one(
    finished: tuple[Runner, Heard], tmp_path: Path
) -> None:
    other, _ = run(suite(track_test=True), tmp_path, jobs=2)
    pd.testing.assert_frame_equal(records(finished[0]), records(other), check_exact=True)


def test_a_finished_cell_is_not_run_again(finished: tuple[Runner, Heard]) -> None:
    runner = finished[0]
    before = {path: path.stat().st_mtime_ns for path in runner.plan.store.runs.iterdir()}
    again, heard = run(suite(track_test=True), runner.options.out)
    assert (again.ran, heard.cells) == (0, [])
    assert before == {path: path.stat().st_mtime_ns for path in runner.plan.store.runs.iterdir()}


def test_only_the_missing_cell_runs(finished: tuple[Runner, Heard]) -> None:
    runner = finished[0]
    gone = next(iter(runner.plan.store.all()))
    whole = records(runner)
    runner.plan.store.path(gone.run_id).unlink()
    again, heard = run(suite(track_test=True), runner.options.out)
    assert [each.run_id for each in heard.runs] == [gone.run_id]
    pd.testing.assert_frame_equal(whole, records(again), check_exact=True)


def test_a_failed_cell_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    both = suite("cnn", learning_rate=1e12, epochs=3)
    group = both.group[0]
    sound = group.model_copy(update={"recipe": Recipe(epochs=1, batch_size=64), "seeds": (0,)})
    mixed = both.model_copy(update={"group": (group, sound), "seeds": (0,)})
    runner, _ = run(mixed, tmp_path)
    states = {each.run_id: each.status for each in runner.plan.store.all()}
    assert sorted(states.values()) == ["done", "failed"]
    (failure,) = runner.failures
    assert "Diverged" in (failure.reason or "")
    assert failure.log
    # Failed cells stay failed until asked for.
    again, _ = run(mixed, tmp_path)
    assert again.ran == 0
    assert [each.run_id for each in again.failures] == [failure.run_id]
    retried, _ = run(mixed, tmp_path, retry_failed=True)
    assert retried.ran == 1


def test_a_cell_over_its_time_limit_is_failed_with_the_reason(tmp_path: Path) -> None:
    runner, _ = run(suite("conv-lstm", time_limit=0.05, epochs=50), tmp_path)
    assert len(runner.failures) == 2
    assert all("time limit of 0.05 s" in (each.reason or "") for each in runner.failures)


def test_the_learning_rate_is_chosen_on_validation_with_seeds_of_its_own(tmp_path: Path) -> None:
    grid = suite("lstm", learning_rate_grid=(1e-7, 1e-2), tuning_seeds=(100,), tuning_epochs=3)
    runner, heard = run(grid, tmp_path)
    assert [each.kind for each in heard.runs] == ["tune", "tune", "train", "train"]
    rate, seconds = choose_learning_rate(runner.plan.training[0], runner.plan.store)
    assert rate == 1e-2
    tuned = [each for each in heard.runs if each.kind == "tune"]
    assert seconds == pytest.approx(sum(each.seconds for each in tuned))
    for each in heard.runs:
        metrics = {record.metric: record.value for record in each.records}
        if each.kind == "tune":
            assert "test_accuracy" not in metrics
        else:
            assert metrics["learning_rate"] == 1e-2


def test_a_grid_that_fails_altogether_is_a_failed_cell(tmp_path: Path) -> None:
    grid = suite("cnn", learning_rate_grid=(1e12,), tuning_seeds=(100,), epochs=3)
    runner, _ = run(grid, tmp_path)
    reasons = [each.reason or "" for each in runner.failures if each.kind == "train"]
    assert len(reasons) == 2
    assert all("every learning rate of (1000000000000.0,) diverged" in reason for reason in reasons)


def test_a_baseline_that_cannot_serve_a_task_is_skipped_with_the_reason(tmp_path: Path) -> None:
    which = Suite(
        name="toy",
        group=(
            Group(
                tasks=("babi-sim",),
                baselines=("lstm", "conv3d"),
                recipe=Recipe(epochs=1, batch_size=32),
            ),
        ),
    )
    planned = plan(which, Options(out=tmp_path))
    assert {cell.baseline for cell in planned.training} == {"lstm"}
    assert [(each.baseline, bool(each.reason)) for each in planned.skipped] == [("conv3d", True)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ("digits-dvz",)}, "did you mean 'digits-dvs'"),
        ({"baselines": ("lstn",)}, "did you mean 'lstm'"),
        ({"backbone": "smal"}, "did you mean 'small'"),
        ({"engine": "natve"}, "did you mean 'native'"),
    ],
)
def test_an_unknown_name_names_the_nearest(change: dict, message: str, tmp_path: Path) -> None:
    group = suite().group[0].model_copy(update=change)
    with pytest.raises(UsageError, match=message):
        plan(suite().model_copy(update={"group": (group,)}), Options(out=tmp_path))


def test_an_unknown_data_option_and_a_missing_folder_stop_before_anything_runs(
    tmp_path: Path,
) -> None:
    group = suite().group[0].model_copy(update={"data": {"contrasd": 1.0}})
    planned = plan(suite().model_copy(update={"group": (group,)}), Options(out=tmp_path))
    with pytest.raises(UsageError, match="contrast"):
        check_data(planned, None)
    group = suite().group[0].model_copy(update={"tasks": ("nmnist",), "data": {}})
    planned = plan(suite().model_copy(update={"group": (group,)}), Options(out=tmp_path))
    with pytest.raises(UsageError, match="nmnist"):
        check_data(planned, str(tmp_path / "absent"))


def test_what_the_suite_asks_for_is_written_down(finished: tuple[Runner, Heard]) -> None:
    store = finished[0].plan.store
    document = json.loads((store.folder / "plan.json").read_text())
    assert {cell["run_id"] for cell in document["cells"]} == {each.run_id for each in store.all()}


def test_only_leaves_the_plan_whole_and_names_the_nearest_value(tmp_path: Path) -> None:
    planned = plan(suite(), Options(out=tmp_path, only=Only({"baseline": ("lstm",)})))
    assert {cell.baseline for cell in planned.training} == {"lstm"}
    assert len(json.loads(planned.document())["cells"]) == 4
    with pytest.raises(UsageError, match="did you mean 'lstm'"):
        plan(suite(), Options(out=tmp_path, only=Only({"baseline": ("lstm", "lstn")})))


def test_an_engine_that_cannot_express_a_baseline_is_na(tmp_path: Path) -> None:
    group = suite("klif", "lstm").group[0].model_copy(update={"engine": "snntorch"})
    planned = plan(suite().model_copy(update={"group": (group,)}), Options(out=tmp_path))
    assert {cell.baseline for cell in planned.training} == {"lstm"}
    assert {each.baseline for each in planned.skipped} == {"klif"}


def test_seeds_of_tuning_are_never_those_of_the_runs(tmp_path: Path) -> None:
    grid = suite("cnn", learning_rate_grid=(1e-3,), tuning_seeds=(7,))
    with pytest.raises(UsageError, match="tuning seeds"):
        plan(grid, Options(out=tmp_path, seeds=8))


def test_no_validation_samples_is_said_before_training(tmp_path: Path) -> None:
    group = suite("cnn").group[0].model_copy(update={"data": {"limit": 5}})
    runner, _ = run(suite().model_copy(update={"group": (group,)}), tmp_path)
    assert all("no validation samples" in (each.reason or "") for each in runner.failures)
    assert len(runner.failures) == 2


def test_a_rate_that_tuning_no_longer_chooses_is_trained_again(tmp_path: Path) -> None:
    grid = suite("lstm", learning_rate_grid=(1e-7, 1e-2), tuning_seeds=(100,), tuning_epochs=3)
    runner, _ = run(grid, tmp_path)
    store = runner.plan.store
    for each in list(store.all()):
        rate = each.config.plain()["recipe"]["learning_rate"]
        if each.kind == "tune" and rate == 1e-2:  # as if it had diverged
            store.write(each.model_copy(update={"status": "failed", "reason": "Diverged: test"}))
    again, heard = run(grid, tmp_path)
    assert [each.kind for each in heard.runs] == ["train", "train"]
    trained = {r.value for each in heard.runs for r in each.records if r.metric == "learning_rate"}
    assert trained == {1e-7}
    assert again.mixed_data() == []


def test_a_tuning_run_that_died_says_nothing_about_its_rate(tmp_path: Path) -> None:
    grid = suite("cnn", learning_rate_grid=(1e-3, 1e-2), tuning_seeds=(100,))
    runner, _ = run(grid, tmp_path)
    store = runner.plan.store
    died = next(each for each in store.all() if each.kind == "tune")
    store.write(died.model_copy(update={"status": "failed", "reason": "its process died"}))
    with pytest.raises(TuningFailed, match="its process died"):
        choose_learning_rate(runner.plan.training[0], store)


def test_runs_made_from_different_files_are_noticed(tmp_path: Path) -> None:
    runner, _ = run(suite("cnn"), tmp_path)
    store = runner.plan.store
    first = next(iter(store.all()))
    data = {**first.provenance.plain()["data"], "split_checksum": "other"}
    store.write(
        first.model_copy(
            update={"provenance": Provenance(**first.provenance.plain() | {"data": data})}
        )
    )
    again, _ = run(suite("cnn"), tmp_path)
    assert again.mixed_data() == ["digits-dvs {'limit': 200}"]


def test_channels_last_on_stories_is_refused_before_anything_runs(tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, batch_size=8, channels_last=True)
    group = Group(tasks=("babi-sim",), baselines=("lstm",), backbone="tokens", recipe=recipe)
    with pytest.raises(UsageError, match="babi-sim: channels_last needs frames"):
        plan(Suite(name="toy", group=(group,)), Options(out=tmp_path))
