"""What a cell gives its run file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.records import Record


@dataclass
class Outcome:
    """Records and what stands beside them; `state` is the weights of a checkpoint."""

    records: list[Record]
    curves: dict[str, list[float]] = field(default_factory=dict)
    health: list[dict[str, Any]] = field(default_factory=list)
    predictions: dict[str, Any] = field(default_factory=dict)
    layers: list[dict[str, Any]] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Tensor] | None = None


def measured(
    cell: Cell, metric: str, value: float, unit: str, n: int = 1, spread: float | None = None
) -> Record:
    """One measured value of a cell."""
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


def packed(correct: np.ndarray) -> dict[str, Any]:
    """Which test samples were right: hexadecimal of the bits in stored order, zero-filled."""
    return {"correct": np.packbits(correct).tobytes().hex(), "n": len(correct)}
