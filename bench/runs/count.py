"""The counts of a cell's trained network on samples of its test set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from liafbench.bench.counting import layer_rows, measurements, trained_counts
from liafbench.bench.runfiles import Record
from liafbench.bench.runs.build import measured
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.failure import reason_of
from liafbench.bench.tasks import Split


@dataclass
class Counted:
    """Records of counts and estimated energies, and rows of layers; none without samples.

    `findings`: where the second count differs. `unmeasured`: why there are no counts.
    """

    records: list[Record] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    unmeasured: dict[str, str] = field(default_factory=dict)


def counted(cell: Cell, net: nn.Module, test: Split) -> Counted:
    """Counts of a cell's network; what cannot be counted takes nothing else with it."""
    if not cell.measure.count_samples:
        return Counted()
    samples = select_samples(test, cell.measure.count_samples)
    try:
        counts = trained_counts(net.cpu(), samples)
    except Exception as error:  # noqa: BLE001 - the accuracy must not be lost with the counts
        return Counted(unmeasured={"counts": reason_of(error)})
    records = [
        measured(cell, m.metric, m.value, m.unit, m.n, m.spread) for m in measurements(counts)
    ]
    return Counted(records, layer_rows(counts), list(counts.findings))


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
