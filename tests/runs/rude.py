"""Models that treat their process as if it were theirs, and one that fills the disk."""

from __future__ import annotations

import errno
import os
import random
import tempfile

import numpy as np
import torch
from torch import Tensor, nn


class Mean(nn.Module):
    """The mean frame and one dense layer."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x.mean(0).flatten(1).to(self.dense.weight.dtype))


class Rude(Mean):
    """Changes everything global when it is called in training."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        if self.training:
            torch.set_default_dtype(torch.float64)
            torch.manual_seed(1)
            random.seed(1)
            np.random.seed(1)  # noqa: NPY002 - what a model of somebody does
            os.chdir(tempfile.gettempdir())
            os.environ["OMP_NUM_THREADS"] = "7"
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.set_flush_denormal(True)
        return logits


class Forking(Mean):
    """Leaves a copy of its process behind that trains on."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__(inputs, classes)
        self.forked = False

    def forward(self, x: Tensor) -> Tensor:
        if self.training and not self.forked:
            self.forked = True
            os.fork()
        return super().forward(x)


class Filling(Mean):
    """Writes a cache of its own to a disk without room."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            try:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "cache.bin")
            except OSError as error:
                raise RuntimeError("the cache could not be written") from error
        return super().forward(x)


def _build(kind: type[Mean], backbone) -> nn.Module:
    return kind(backbone.channels * backbone.height * backbone.width, backbone.classes)


def changes(backbone):
    return _build(Rude, backbone)


def forks(backbone):
    return _build(Forking, backbone)


def fills(backbone):
    return _build(Filling, backbone)
