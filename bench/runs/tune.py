"""The learning rate of a training cell, chosen on validation by runs of its own."""

from __future__ import annotations

import statistics

from liafbench.bench.runfiles import Run
from liafbench.bench.runs.build import Outcome, build_net, execution_of, load_splits
from liafbench.bench.runs.cells import Cell, tuning_cells
from liafbench.bench.runs.store import Store
from liafbench.bench.runs.train import fit_records
from liafbench.bench.training import Diverged, fit
from liafbench.bench.training.loop import EpochDone


def tune_cell(
    cell: Cell, data_dir: str | None, device: str, on_epoch: EpochDone | None = None
) -> Outcome:
    """Train with one learning rate of the grid; only validation is looked at."""
    splits = load_splits(cell, data_dir)
    net = build_net(cell)
    execution = execution_of(cell, device)
    execution.place_network(net)
    rate = cell.recipe.learning_rate
    done = fit(
        net,
        splits,
        cell.recipe,
        learning_rate=rate,
        seed=cell.seed or 0,
        execution=execution,
        on_epoch=on_epoch,
    )
    records = fit_records(cell, done, rate, 0.0)
    return Outcome(records, done.curves, provenance={"data": splits.provenance})


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
