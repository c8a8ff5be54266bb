"""The model under test, with two batches of its task."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from liafbench import baselines
from liafbench.baselines.backbones import Backbone, get
from liafbench.baselines.budget import parameter_count
from liafbench.bench import tasks

BATCH = 32


@dataclass(frozen=True)
class Fixture:
    """A baseline on a task: a batch x, y, and `other`, a second one."""

    name: str
    task: str
    backbone: Backbone
    x: Tensor
    y: Tensor
    other: Tensor

    def net(self, seed: int = 0) -> nn.Module:
        """A new network, initialised from a seed."""
        torch.manual_seed(seed)
        return baselines.build(self.name, self.task, backbone=self.backbone)

    def parameters(self, width: float = 1.0) -> int:
        """Trainable scalars at a width of the backbone."""
        backbone = self.backbone if width == 1.0 else self.backbone.scaled(width)
        return parameter_count(baselines.build(self.name, self.task, backbone=backbone))


def fixture(name: str, task: str, backbone: str | None, data_dir: str | None) -> Fixture:
    """Take the batches from the task's training split."""
    chosen = get(task, backbone)
    train = tasks.load(task, data_dir, backbone=chosen.name).train
    # Not in stored order: a task may store its classes one after another.
    batches = train.batches(BATCH, generator=torch.Generator().manual_seed(0))
    first = next(batches)
    second = next(batches, first)
    return Fixture(name, task, chosen, first.x, first.y, second.x)


def result(net: nn.Module, x: Tensor, seed: int = 0) -> Tensor:
    """The logits of a fresh copy in eval mode, so that no call sees what another left behind."""
    return call(copy.deepcopy(net).eval(), x, seed)


def call(net: nn.Module, x: Tensor, seed: int = 0) -> Tensor:
    """The logits of this very network, torch's random state set first."""
    torch.manual_seed(seed)
    with torch.no_grad():
        logits = net(x)
    return logits.detach() if isinstance(logits, Tensor) else logits
