"""What every kind of cell starts from: the data and the untrained network."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import torch
from torch import nn

from liafbench.baselines import build
from liafbench.baselines.errors import UsageError
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
