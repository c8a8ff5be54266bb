"""One training cell: data, network, training, test accuracy, counts, records."""

from __future__ import annotations

import functools
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from liafbench.bench import metrics
from liafbench.bench.runfiles import Record
from liafbench.bench.runs.build import (
    Outcome,
    build_net,
    execution_of,
    load_splits,
    measured,
    packed,
)
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.count import counted
from liafbench.bench.runs.failure import reason_of
from liafbench.bench.tasks import Split
from liafbench.bench.training import Diverged, Fit, fit, predict
from liafbench.bench.training.health import Health
from liafbench.bench.training.loop import EpochDone


def train_cell(
    cell: Cell,
    data_dir: str | None,
    device: str,
    learning_rate: float,
    tuning_seconds: float = 0.0,
    on_epoch: EpochDone | None = None,
) -> Outcome:
    """Train, choose the epoch on validation, evaluate the test set once, count."""
    splits = load_splits(cell, data_dir)
    net = build_net(cell)
    # A mistake in somebody's metric shows now and not after hours of training.
    metrics.measure(cell.measure.metrics, net, splits)
    execution = execution_of(cell, device)
    execution.place_network(net)
    with Health(net) as health:
        try:
            done = fit(
                net,
                splits,
                cell.recipe,
                learning_rate=learning_rate,
                seed=cell.seed or 0,
                execution=execution,
                on_epoch=on_epoch,
            )
        except Diverged as error:
            error.health = _findings(health)
            raise
        findings = _findings(health)
    predictions = predict(net, splits.test, execution)
    record = functools.partial(measured, cell)
    records = [
        record("test_accuracy", predictions.accuracy, "%", n=len(splits.test)),
        *_group_records(cell, splits.test, predictions.correct),
        *fit_records(cell, done, learning_rate, tuning_seconds),
    ]
    counts = counted(cell, net, splits.test)
    records += counts.records
    try:
        records += [record(*value) for value in metrics.measure(cell.measure.metrics, net, splits)]
    except Exception as error:  # noqa: BLE001 - the accuracy must not be lost with a metric
        counts.unmeasured["metrics"] = reason_of(error)
    return Outcome(
        records=records,
        curves=done.curves,
        health=findings,
        predictions=packed(predictions.correct),
        layers=counts.layers,
        findings=counts.findings,
        unmeasured=counts.unmeasured,
        provenance={"data": splits.provenance},
        state={name: tensor.cpu() for name, tensor in done.state.items()},
    )


def _findings(health: Health) -> list[dict[str, Any]]:
    """Findings as JSON; a value that is no number any more is null."""
    return [
        {**asdict(found), "value": found.value if math.isfinite(found.value) else None}
        for found in health.findings()
    ]


def _group_records(cell: Cell, test: Split, correct: np.ndarray) -> list[Record]:
    if test.groups is None:
        return []
    groups = np.asarray(test.groups)
    return [
        measured(
            cell,
            f"test_accuracy/{name}",
            100.0 * float(correct[groups == name].mean()),
            "%",
            n=int((groups == name).sum()),
        )
        for name in sorted(set(groups.tolist()))
    ]


def fit_records(cell: Cell, done: Fit, learning_rate: float, tuning_seconds: float) -> list[Record]:
    """What training itself gave: validation accuracy, epoch, rate, times."""
    record = functools.partial(measured, cell)
    records = [
        record("validation_accuracy", done.validation_accuracy, "%"),
        record("best_epoch", done.best_epoch, "1"),
        record("learning_rate", learning_rate, "1"),
        record("training_time", done.seconds, "s"),
    ]
    if cell.recipe.learning_rate_grid:
        records.append(record("tuning_time", tuning_seconds, "s"))
    if "test_accuracy" in done.curves:
        records.append(record("best_test_accuracy", max(done.curves["test_accuracy"]), "%"))
    return records
