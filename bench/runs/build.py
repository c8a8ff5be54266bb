"""What every kind of cell starts from (data, untrained network) and what it gives its run file."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from liafbench.baselines import build
from liafbench.baselines.errors import UsageError
from liafbench.bench.execution import Execution
from liafbench.bench.runfiles import Record
from liafbench.bench.runs.cells import Cell
from liafbench.bench.tasks import Splits
from liafbench.bench.tasks import load as load_task


@functools.lru_cache(maxsize=1)
def _load_cached(task: str, backbone: str, options: str, data_dir: str | None) -> Splits:
    folder = Path(data_dir) if data_dir else None
    splits = load_task(task, folder, backbone=backbone or None, **json.loads(options))
    for name in ("train", "validation", "test"):
        if not len(getattr(splits, name)):
            raise UsageError(f"{task}: no {name} samples are left; give it a larger limit")
    return splits


def load_splits(cell: Cell, data_dir: str | None) -> Splits:
    """The splits of a cell's task; consecutive cells of one task share them."""
    options = json.dumps(cell.data, sort_keys=True)
    return _load_cached(cell.task, cell.backbone, options, data_dir)


def build_net(cell: Cell, baseline: str | None = None) -> nn.Module:
    """The untrained network of a cell, initialised from the cell's seed."""
    torch.manual_seed(cell.seed or 0)
    return build(
        baseline or cell.baseline,
        cell.task,
        backbone=cell.backbone or None,
        engine=cell.engine,
        budget=cell.build_budget,
        **cell.options,
    )


def execution_of(cell: Cell, device: str) -> Execution:
    """How the networks of a cell are run: what is timed is what was trained."""
    return Execution(device, cell.recipe.precision, cell.recipe.channels_last)


@dataclass
class Outcome:
    """Records and what stands beside them; `state` is the weights of a checkpoint."""

    records: list[Record]
    curves: dict[str, list[float]] = field(default_factory=dict)
    health: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    unmeasured: dict[str, str] = field(default_factory=dict)
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
