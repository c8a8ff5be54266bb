"""One baseline under several engines on one synthetic batch: inference, and training if asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from liafbench.baselines import Backbone, backbones
from liafbench.bench.execution import Execution
from liafbench.bench.timing.network import Inference, TrainingStep
from liafbench.bench.timing.peers import Contender
from liafbench.bench.timing.rounds import Until, interleave
from liafbench.bench.timing.stopwatch import Stopwatch, stopwatch_for
from liafbench.bench.timing.timings import Timings

SAMPLE_SECONDS = 0.05
LEAST_ROUNDS = 15
INPUT = "synthetic: uniform random values of the task's shape"


@dataclass(frozen=True)
class Comparison:
    """What is compared, on which batch, and for how long."""

    baseline: str
    task: str
    backbone: str | None
    contenders: Sequence[Contender]
    batch: int
    execution: Execution
    until: Until

    @property
    def shape(self) -> Backbone:
        """The backbone, resolved; UsageError for an unknown task or backbone."""
        return backbones.get(self.task, self.backbone)

    def inputs(self) -> tuple[Tensor, Tensor]:
        """A batch (x [T, B, ...], y [B]) that needs no data."""
        generator = torch.Generator().manual_seed(0)
        y = torch.randint(0, self.shape.classes, (self.batch,), generator=generator)
        return self.shape.example(self.batch), y

    def describe(self) -> dict[str, Any]:
        """For the report."""
        return {
            "baseline": self.baseline,
            "task": self.task,
            "backbone": self.shape.name,
            "time_steps": self.shape.time_steps,
            "batch": self.batch,
            "input": INPUT,
            "contenders": [contender.name for contender in self.contenders],
            "options": self.execution.to_dict(),
            "tight": self.until.tight,
            "budget_s": self.until.budget,
        }


def time_inference(comparison: Comparison, stopwatch: Stopwatch | None = None) -> Timings:
    """Seconds per forward pass of the batch, contenders interleaved."""
    x, _ = comparison.inputs()
    execution = comparison.execution
    works = {
        each.name: Inference(_build(comparison, each), x, execution)
        for each in comparison.contenders
    }
    return _interleave(works, comparison, stopwatch)


def time_training(comparison: Comparison, stopwatch: Stopwatch | None = None) -> Timings:
    """Seconds per training step (cross-entropy, Adam) of the batch, contenders interleaved."""
    x, y = comparison.inputs()
    execution = comparison.execution
    works = {
        each.name: TrainingStep(_build(comparison, each), x, y, execution)
        for each in comparison.contenders
    }
    return _interleave(works, comparison, stopwatch)


def _build(comparison: Comparison, contender: Contender) -> torch.nn.Module:
    return contender.builder(comparison.baseline, comparison.task, comparison.backbone)()


def _interleave(
    works: Mapping[str, Callable[[], object]],
    comparison: Comparison,
    stopwatch: Stopwatch | None,
) -> Timings:
    return interleave(
        works,
        rounds=LEAST_ROUNDS,
        min_time=SAMPLE_SECONDS,
        until=comparison.until,
        stopwatch=stopwatch or stopwatch_for(comparison.execution.device),
    )
