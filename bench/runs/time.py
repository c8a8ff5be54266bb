"""One timing cell: every baseline of a group, interleaved in one process."""

from __future__ import annotations

import functools

import torch
from torch import nn

from liafbench.bench.runfiles import Record
from liafbench.bench.runs.build import Outcome, build_net, execution_of, load_splits
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.failure import reason_of
from liafbench.bench.timing.group import time_group
from liafbench.bench.training.loop import make_loss, make_optimizer


def time_cell(cell: Cell, data_dir: str | None, device: str) -> Outcome:
    """Throughput, latency and peak memory of all baselines on one batch of training data."""
    splits = load_splits(cell, data_dir)
    generator = torch.Generator().manual_seed(0)
    batch = next(iter(splits.train.batches(cell.measure.timing_batch, generator=generator)))
    recipe = cell.recipe
    times = time_group(
        {name: functools.partial(_build, cell, name) for name in cell.baselines},
        batch.x,
        batch.y,
        rounds=cell.measure.timing_rounds,
        execution=execution_of(cell, device),
        loss=make_loss(recipe),
        make_optimizer=functools.partial(make_optimizer, recipe=recipe, learning_rate=0.0),
    )
    records = [
        Record(
            task=cell.task,
            backbone=cell.backbone,
            baseline=each.contender,
            engine=cell.engine,
            budget=cell.budget,
            seed=None,
            metric=each.metric,
            value=each.value,
            unit=each.unit,
            n=each.n,
            spread=each.spread,
        )
        for each in times
    ]
    unmeasured = {
        f"timing of {name} ({part})": reason_of(error)
        for (part, name), error in times.failed.items()
    }
    return Outcome(
        records,
        unmeasured=unmeasured,
        provenance={"data": splits.provenance, "timing": times.conditions()},
    )


def _build(cell: Cell, baseline: str) -> nn.Module:
    return build_net(cell, baseline)
