"""The learning rate of a training cell, chosen on validation by runs of its own."""

from __future__ import annotations

import statistics

from liafbench.bench.runs.cells import Cell, tuning_cells
from liafbench.bench.runs.records import Run
from liafbench.bench.runs.store import Store
from liafbench.bench.training import Diverged


class TuningFailed(RuntimeError):
    """The grid gives no learning rate: all diverged, or a run is missing for another reason."""


def choose_learning_rate(cell: Cell, store: Store) -> tuple[float, float]:
    """The rate of the grid with the best mean validation accuracy, and the seconds tuning took.

    A rate that diverged with any tuning seed is out; ties go to the smaller rate. TuningFailed when
    no rate is left, or when a tuning run ended for a reason that says nothing about its rate.
    """
    accuracy: dict[float, list[float]] = {}
    out: set[float] = set()
    seconds = 0.0
    for tuned in tuning_cells(cell):
        rate = tuned.recipe.learning_rate
        run = store.read(tuned.run_id)
        if run is None or run.status == "failed":
            _check_diverged(tuned, run)
            out.add(rate)
            continue
        values = {record.metric: record.value for record in run.records}
        accuracy.setdefault(rate, []).append(values["validation_accuracy"])
        seconds += run.seconds
    left = sorted(set(accuracy) - out)
    if not left:
        raise TuningFailed(f"every learning rate of {cell.recipe.learning_rate_grid} diverged")
    return max(left, key=lambda rate: statistics.fmean(accuracy[rate])), seconds


def _check_diverged(tuned: Cell, run: Run | None) -> None:
    reason = "it was not run" if run is None else run.reason or ""
    if not reason.startswith(Diverged.__name__):
        raise TuningFailed(f"{tuned.label} did not finish: {reason}")
