"""What the benchmarks share: a small network and a fixed batch."""

from __future__ import annotations

import os

import torch
import torch._dynamo  # torch.optim imports it at first use, two seconds in each of asv's processes
import torch.nn.functional as F
from torch import Tensor, nn

from liafbench.baselines import backbones, build
from liafbench.bench.timing.allocator import apply_policy

TASK, BACKBONE, BATCH = "digits-dvs", "small", 8
BASELINES = ["liaf-net", "klif", "lif-snn", "lstm", "gru", "conv-lstm", "conv3d"]
REPEAT = (5, 10, 1.0)  # samples at least, at most, and seconds in one of asv's two rounds

torch.set_num_threads(1)
if os.environ.get("ASV") == "true":  # a process of asv's, and not one that tests the benchmarks
    apply_policy()


def network(baseline: str) -> nn.Module:
    """The baseline on the task, initialised from a fixed seed."""
    torch.manual_seed(0)
    return build(baseline, TASK, BACKBONE)


def batch() -> tuple[Tensor, Tensor]:
    """Sparse event counts [T, B, C, H, W], one cell in eight, and classes [B]."""
    shape = backbones.get(TASK, BACKBONE)
    cells = torch.arange(shape.example(BATCH).numel()) * 7919 % 64
    x = torch.where(cells < 8, 1 + cells % 3, 0).float().reshape(shape.example(BATCH).shape)
    return x, torch.arange(BATCH) % shape.classes


def training_step(net: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    """Forward, backward, optimizer."""
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
