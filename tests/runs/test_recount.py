"""Other counted samples do not train a network again, and give what training it would."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from support.toy_suite import Heard, records, run, suite

from liafbench.bench.counting.measurements import MEASURED
from liafbench.bench.report.sources import commands
from liafbench.bench.results import load
from liafbench.bench.results.labels import describe, short
from liafbench.bench.runfiles import Provenance
from liafbench.bench.runs.cells import training_cells
from liafbench.bench.runs.estimate import Estimates
from liafbench.bench.runs.runner import Runner
from liafbench.bench.runs.tune import choose_learning_rate
from liafbench.bench.suites import Suite
from liafbench.bench.tables.comparison import comparison

BASELINES = ("lif-snn", "lstm")


def counting(samples: int, **recipe: object) -> Suite:
    toy = suite(*BASELINES, **recipe)
    return toy.model_copy(
        update={"measure": toy.measure.model_copy(update={"count_samples": samples})}
    )


def trained_epochs(heard: Heard) -> int:
    return len(heard.epochs)


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """What training with five counted samples gives where nothing was there before."""
    return run(counting(5), tmp_path_factory.mktemp("anew"))[0]


def current(runner: Runner) -> pd.DataFrame:
    return records(runner).drop(columns="run_id").reset_index(drop=True)


@pytest.mark.parametrize("before", [2, 0])
def test_counting_again_gives_what_training_again_would(
    anew: Runner, tmp_path: Path, before: int
) -> None:
    first, heard = run(counting(before), tmp_path)
    assert trained_epochs(heard) == 4
    again, heard = run(counting(5), tmp_path)
    assert (trained_epochs(heard), again.ran, again.failures) == (0, 4, [])
    pd.testing.assert_frame_equal(current(again), current(anew), check_exact=True)
    trainings = {cell.run_id for cell in first.plan.training}
    for made in heard.runs:
        fresh = anew.plan.store.read(made.run_id)
        assert fresh is not None
        assert made.config == fresh.config
        assert (made.layers, made.curves) == (fresh.layers, fresh.curves)
        assert (made.predictions, made.health) == (fresh.predictions, fresh.health)
        told = made.provenance.plain()["counted_again"]
        assert made.origin == told["trained_as"]
        assert made.origin in trainings
        assert set(told) >= {*fresh.provenance.plain()} - {"data"}
        weights = again.plan.store.checkpoint
        assert weights(made.run_id).read_bytes() == weights(told["trained_as"]).read_bytes()


def test_a_run_counted_many_times_is_one_training(tmp_path: Path) -> None:
    first, _ = run(counting(2), tmp_path)
    run(counting(5), tmp_path)
    last, heard = run(counting(7), tmp_path)
    trained = {each.run_id: each for each in heard.runs}
    origins = {each.run_id: each for each in first.plan.store.all() if each.origin == each.run_id}
    assert len(list(first.plan.store.all())) == 12
    assert {each.origin for each in trained.values()} == set(origins)
    for each in trained.values():
        origin = origins[each.origin]
        assert (each.seconds, each.training_started) == (origin.seconds, origin.started)
    estimate = Estimates.of_machine(last.plan.store).of(last.plan.training[0])
    assert estimate.seconds.source == "2 runs"  # two seeds


def test_the_newest_counts_are_shown_without_a_plan(tmp_path: Path) -> None:
    first, _ = run(counting(2), tmp_path)
    store = first.plan.store
    for each in store.all():
        store.write(each.model_copy(update={"started": "2026-01-02T03:04:05+00:00"}))
    again, _ = run(counting(5), tmp_path)
    (store.folder / "plan.json").unlink()
    runs = load(store.folder).runs
    shown = set(runs.loc[runs["status"] == "current", "run_id"])
    assert shown == {cell.run_id for cell in again.plan.training}


def test_the_tables_name_both_commits_and_all_kernels(tmp_path: Path) -> None:
    runner, _ = run(counting(2), tmp_path)
    store = runner.plan.store
    for each in store.all():
        told = Provenance(**each.provenance.plain() | {"commit": "a" * 40})
        store.write(each.model_copy(update={"provenance": told}))
    _, heard = run(counting(5), tmp_path)
    here = heard.runs[0].provenance.plain()["counted_again"]["commit"]
    told = heard.runs[0].provenance.plain() | {"kernel_fallbacks": ["stood in for training"]}
    told["counted_again"] |= {"kernel": "another", "kernel_fallbacks": ["stood in for counts"]}
    store.write(heard.runs[0].model_copy(update={"provenance": Provenance(**told)}))
    kernels = describe(load(store.folder))["kernel"]
    for each in ("stood in for training", "another", "stood in for counts"):
        assert each in kernels
    frame = comparison(load(store.folder)).frame
    assert set(frame["commit"]) == {", ".join(sorted(["a" * 12, short(here or "")]))}
    assert here.removesuffix("+changes") in commands("toy", heard.runs)[0]


def test_a_file_that_is_not_asked_for_is_left_alone(tmp_path: Path) -> None:
    runner, _ = run(counting(2), tmp_path)
    store = runner.plan.store
    torn, newer, *_ = (cell.run_id for cell in runner.plan.training)
    store.path(torn).write_text("{")
    store.path(newer).write_text(json.dumps({"schema": 99}))
    _, heard = run(counting(5), tmp_path)
    assert trained_epochs(heard) == 2
    assert (store.path(torn).read_text(), heard.damaged) == ("{", [])


def test_two_groups_that_differ_in_samples_train_once(tmp_path: Path) -> None:
    toy = counting(5)
    group = toy.group[0].model_copy(update={"count_samples": 7})
    _, heard = run(toy.model_copy(update={"group": (toy.group[0], group)}), tmp_path)
    assert (trained_epochs(heard), len(heard.runs)) == (4, 8)


def test_a_rate_that_tuning_no_longer_chooses_trains_again(tmp_path: Path) -> None:
    grid = {"learning_rate_grid": (1e-3, 1e-2), "tuning_seeds": (9,)}
    runner, _ = run(counting(2, **grid), tmp_path)
    store = runner.plan.store
    chosen = {cell.baseline: choose_learning_rate(cell, store)[0] for cell in runner.plan.training}
    _, heard = run(counting(5, **grid), tmp_path)
    assert trained_epochs(heard) == 0
    for cell in runner.plan.all_cells():
        made = store.read(cell.run_id)
        if cell.kind == "tune" and made is not None:  # the other rate is the best now
            best = cell.recipe.learning_rate != chosen[cell.baseline]
            turned = [
                replace(record, value=100.0 * best)
                if record.metric == "validation_accuracy"
                else record
                for record in made.records
            ]
            store.write(made.model_copy(update={"records": turned}))
    _, heard = run(counting(7, **grid), tmp_path)
    assert trained_epochs(heard) == 4


def test_no_samples_leave_no_counts(tmp_path: Path) -> None:
    run(counting(2), tmp_path)
    _, heard = run(counting(0), tmp_path)
    assert trained_epochs(heard) == 0
    for made in heard.runs:
        assert made.layers == []
        assert not {record.metric for record in made.records} & MEASURED


def test_force_trains_again(tmp_path: Path) -> None:
    run(counting(2), tmp_path)
    _, heard = run(counting(5), tmp_path, force=True)
    assert trained_epochs(heard) == 4
    assert all("counted_again" not in made.provenance.plain() for made in heard.runs)


def test_another_recipe_trains_again(tmp_path: Path) -> None:
    run(counting(2), tmp_path)
    _, heard = run(counting(5, weight_decay=0.1), tmp_path)
    assert trained_epochs(heard) == 4


def test_weights_of_another_run_are_not_taken(anew: Runner, tmp_path: Path) -> None:
    first, _ = run(counting(2), tmp_path)
    store = first.plan.store
    one, other, torn, gone = (store.checkpoint(cell.run_id) for cell in first.plan.training)
    one.write_bytes(other.read_bytes())
    torn.write_bytes(torn.read_bytes()[:100])
    gone.unlink()
    again, heard = run(counting(5), tmp_path)
    assert again.failures == []
    assert trained_epochs(heard) == 3
    for trained, weights in zip(heard.runs, (one, other, torn, gone), strict=True):
        assert ("counted_again" in trained.provenance.plain()) == (weights == other)
    said = store.log(again.plan.training[0].run_id).read_text()
    assert f"not the weights of run {one.stem}" in said
    pd.testing.assert_frame_equal(current(again), current(anew), check_exact=True)


def test_a_group_may_count_other_samples_than_the_suite() -> None:
    toy = counting(5)
    group = toy.group[0].model_copy(update={"count_samples": 7, "seeds": (0,)})
    mixed = toy.model_copy(update={"group": (toy.group[0], group)})
    counted = [cell.measure.count_samples for cell in training_cells(mixed)]
    assert counted == [5, 5, 5, 5, 7, 7]
    written = toy.model_copy(update={"group": (group,)}).model_dump(mode="json")
    assert Suite.model_validate(json.loads(json.dumps(written))).group[0].count_samples == 7
