"""The device that a command runs on."""

from __future__ import annotations

from enum import StrEnum

import torch

from liafbench.baselines.errors import UsageError


class Device(StrEnum):
    """Where to train and to measure."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def choose_device(asked: str) -> str:
    """The device asked for, checked; "auto" is CUDA where there is one."""
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch sees no CUDA device here; use --device cpu")
    return asked
