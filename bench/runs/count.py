"""The counts of a cell's trained network on samples of its test set."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from liafbench.bench.counting import layer_rows, measurements, trained_counts
from liafbench.bench.runfiles import Record
from liafbench.bench.runs.build import measured
from liafbench.bench.runs.cells import Cell
from liafbench.bench.tasks import Split


def counted(cell: Cell, net: nn.Module, test: Split) -> tuple[list[Record], list[dict[str, Any]]]:
    """Records of counts and estimated energies, and rows of layers; none without samples."""
    if not cell.measure.count_samples:
        return [], []
    counts = trained_counts(net.cpu(), select_samples(test, cell.measure.count_samples))
    records = [
        measured(cell, m.metric, m.value, m.unit, m.n, m.spread) for m in measurements(counts)
    ]
    return records, layer_rows(counts)


def select_samples(test: Split, number: int) -> list[Tensor]:
    """`number` test samples spread evenly over the stored order, each [T, 1, ...]."""
    chosen = evenly(number, len(test))
    found = {}
    for batch in test.batches(128):
        for column, index in enumerate(batch.index.tolist()):
            if index in chosen:
                found[index] = batch.x[:, column : column + 1].clone()
    return [found[index] for index in sorted(found)]


def evenly(number: int, whole: int) -> set[int]:
    """Places in a test set of `whole` samples.

    Not a random choice: where the order of a set has a period near the distance of two places, they
    are not like the others (results/ERRATA.md); all of them always are.
    """
    return set(np.linspace(0, whole - 1, min(number, whole)).round().astype(int).tolist())
