"""One training cell: data, network, training, test accuracy, counts, records."""

from __future__ import annotations

import functools
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench import metrics
from bench.counting import layer_rows, measurements, trained_counts
from bench.runs.cells import Cell
from bench.runs.ingredients import build_net, load_splits
from bench.runs.outcome import Outcome
from bench.runs.records import Record
from bench.tasks import Split
from bench.training import Diverged, Fit, fit, predict
from bench.training.health import Health
from bench.training.loop import EpochDone
from bench.training.recipe import Caller


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
    caller = Caller.of(cell.recipe, torch.device(device))
    caller.place(net)
    with Health(net) as health:
        try:
            done = fit(
                net,
                splits,
                cell.recipe,
                learning_rate=learning_rate,
                seed=cell.seed or 0,
                caller=caller,
                on_epoch=on_epoch,
            )
        except Diverged as error:
            error.health = _findings(health)
            raise
        findings = _findings(health)
    predictions = predict(net, splits.test, caller)
    record = functools.partial(_record, cell)
    records = [
        record("test_accuracy", predictions.accuracy, "%", n=len(splits.test)),
        *_group_records(cell, splits.test, predictions.correct),
        *_fit_records(cell, done, learning_rate, tuning_seconds),
    ]
    layers: list[dict[str, Any]] = []
    if cell.measure.count_samples:
        samples = count_samples(splits.test, cell.measure.count_samples)
        counts = trained_counts(net.cpu(), samples)
        counted = measurements(counts)
        records += [record(m.metric, m.value, m.unit, m.n, m.spread) for m in counted]
        layers = layer_rows(counts)
    records += [record(*value) for value in metrics.measure(cell.measure.metrics, net, splits)]
    return Outcome(
        records=records,
        curves=done.curves,
        health=findings,
        predictions={"correct": pack_bits(predictions.correct), "n": len(predictions.correct)},
        layers=layers,
        provenance={"data": splits.provenance},
        state={name: tensor.cpu() for name, tensor in done.state.items()},
    )


def tune_cell(
    cell: Cell, data_dir: str | None, device: str, on_epoch: EpochDone | None = None
) -> Outcome:
    """Train with one learning rate of the grid; only validation is looked at."""
    splits = load_splits(cell, data_dir)
    net = build_net(cell)
    caller = Caller.of(cell.recipe, torch.device(device))
    caller.place(net)
    rate = cell.recipe.learning_rate
    done = fit(
        net,
        splits,
        cell.recipe,
        learning_rate=rate,
        seed=cell.seed or 0,
        caller=caller,
        on_epoch=on_epoch,
    )
    records = _fit_records(cell, done, rate, 0.0)
    return Outcome(records, done.curves, provenance={"data": splits.provenance})


def count_samples(test: Split, number: int) -> list[Tensor]:
    """`number` test samples spread evenly over the stored order, each [T, 1, ...]."""
    chosen = set(np.linspace(0, len(test) - 1, min(number, len(test))).round().astype(int).tolist())
    found = {}
    for batch in test.batches(128):
        for column, index in enumerate(batch.index.tolist()):
            if index in chosen:
                found[index] = batch.x[:, column : column + 1].clone()
    return [found[index] for index in sorted(found)]


def pack_bits(correct: np.ndarray) -> str:
    """Which test samples were right: hexadecimal of the bits in stored order, zero-filled."""
    return np.packbits(correct).tobytes().hex()


def _findings(health: Health) -> list[dict[str, Any]]:
    """Findings as JSON; a value that is no number any more is null."""
    return [
        {**asdict(found), "value": found.value if math.isfinite(found.value) else None}
        for found in health.findings()
    ]


def _record(
    cell: Cell, metric: str, value: float, unit: str, n: int = 1, spread: float | None = None
) -> Record:
    return Record(
        task=cell.task,
        backbone=cell.backbone,
        baseline=cell.baseline,
        engine=cell.engine,
        budget=cell.budget,
        seed=cell.seed,
        metric=metric,
        value=float(value),
        unit=unit,
        n=n,
        spread=spread,
    )


def _group_records(cell: Cell, test: Split, correct: np.ndarray) -> list[Record]:
    if test.groups is None:
        return []
    groups = np.asarray(test.groups)
    return [
        _record(
            cell,
            f"test_accuracy/{name}",
            100.0 * float(correct[groups == name].mean()),
            "%",
            n=int((groups == name).sum()),
        )
        for name in sorted(set(groups.tolist()))
    ]


def _fit_records(
    cell: Cell, done: Fit, learning_rate: float, tuning_seconds: float
) -> list[Record]:
    record = functools.partial(_record, cell)
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
