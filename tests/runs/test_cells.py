"""Cells and the ids derived from them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from liafbench.bench.runfiles import versions as numerics
from liafbench.bench.runs.cells import Cell, timing_cells, training_cells, tuning_cells
from liafbench.bench.suites import Group, Measure, Recipe, Suite


def suite(**recipe: object) -> Suite:
    group = Group(
        tasks=("digits-dvs", "babi-sim"),
        baselines=("liaf-net", "lstm"),
        budgets=("equal-backbone", "equal-budget"),
        recipe=Recipe(epochs=3, batch_size=8, **recipe),
    )
    return Suite(name="toy", seeds=(4, 5), group=(group,))


def test_every_task_baseline_budget_and_seed_is_one_cell() -> None:
    found = list(training_cells(suite()))
    assert len(found) == 2 * 2 * 2 * 2
    assert len({cell.run_id for cell in found}) == len(found)
    assert {cell.seed for cell in found} == {4, 5}


def test_seeds_can_be_replaced() -> None:
    assert {cell.seed for cell in training_cells(suite(), seeds=3)} == {0, 1, 2}


def test_run_id_is_the_hash_of_the_configuration_without_defaults() -> None:
    cell = next(iter(training_cells(suite())))
    config = cell.config(exclude_defaults=True)
    assert config["recipe"] == {"epochs": 3, "batch_size": 8}
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    assert cell.run_id == hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 9},
        {"baselines": ("gru",)},
        {"budget": "equal-budget"},
        {"engine": "reference"},
        {"data": {"limit": 5}},
        {"options": {"layers": 2}},
        {"recipe": Recipe(epochs=4, batch_size=8)},
        {"measure": Measure(count_samples=3)},
    ],
)
def test_whatever_decides_the_numbers_changes_the_id(change: dict) -> None:
    cell = next(iter(training_cells(suite())))
    assert replace(cell, **change).run_id != cell.run_id


def test_what_decides_no_number_leaves_the_id() -> None:
    cell = next(iter(training_cells(suite())))
    for change in ({"time_limit": 5.0}, {"measure": Measure(timing_rounds=99)}, {"suite": "other"}):
        assert replace(cell, **change).run_id == cell.run_id


def test_a_new_numerics_version_is_a_new_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = next(iter(training_cells(suite())))
    before = cell.run_id
    monkeypatch.setattr(numerics, "NUMERICS_VERSION", numerics.NUMERICS_VERSION + 1)
    assert cell.run_id != before


def test_a_fix_of_some_networks_makes_only_their_training_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained = list(training_cells(suite()))
    every = [*trained, *timing_cells(trained)]
    before = [cell.run_id for cell in every]
    chosen = trained[0].baseline, trained[0].backbone
    monkeypatch.setitem(numerics.NUMERICS_OF, chosen, numerics.NUMERICS_VERSION + 1)
    changed = [cell for cell, old in zip(every, before, strict=True) if cell.run_id != old]
    assert changed == [cell for cell in trained if (cell.baseline, cell.backbone) == chosen]
    assert 0 < len(changed) < len(trained)


def test_a_fix_under_autocast_makes_only_its_training_anew() -> None:
    in_float32 = [cell.config() for cell in training_cells(suite())]
    in_bfloat16 = [cell.config() for cell in training_cells(suite(precision="bfloat16"))]
    assert {config["numerics_version"] for config in in_float32} == {numerics.NUMERICS_VERSION}
    assert {config["numerics_version"] for config in in_bfloat16} == {2}


def test_no_fix_hides_behind_another(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = next(iter(training_cells(suite(precision="bfloat16"))))
    before = cell.run_id
    monkeypatch.setitem(numerics.NUMERICS_OF, (cell.baseline, cell.backbone), 2)
    assert cell.run_id != before


def test_tuning_cells_cover_the_grid_with_seeds_of_their_own() -> None:
    grid = suite(learning_rate_grid=(1e-3, 3e-3), tuning_seeds=(100, 101, 102), tuning_epochs=2)
    first, second = (cell for cell in list(training_cells(grid))[:2])
    tuning = tuning_cells(first)
    assert {(c.recipe.learning_rate, c.seed) for c in tuning} == {
        (rate, seed) for rate in (1e-3, 3e-3) for seed in (100, 101, 102)
    }
    assert all(c.recipe.epochs == 2 and not c.recipe.track_test for c in tuning)
    # The seeds of the runs share their tuning.
    assert [c.run_id for c in tuning] == [c.run_id for c in tuning_cells(second)]


def test_a_cell_with_one_learning_rate_is_not_tuned() -> None:
    assert tuning_cells(next(iter(training_cells(suite())))) == []


def test_timing_interleaves_the_baselines_of_a_task_and_budget() -> None:
    groups = timing_cells(list(training_cells(suite())))
    assert [(c.task, c.budget, c.baselines) for c in groups] == [
        (task, budget, ("liaf-net", "lstm"))
        for task in ("digits-dvs", "babi-sim")
        for budget in ("equal-backbone", "equal-budget")
    ]
    assert all(isinstance(cell, Cell) and cell.seed is None for cell in groups)


def test_epochs_do_not_change_a_timing_cell() -> None:
    short, long = (
        timing_cells(list(training_cells(suite(schedule=schedule))))[0]
        for schedule in ("none", "cosine")
    )
    assert short.run_id == long.run_id
