"""What every neuron layer of every engine has in common."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from liafbench.baselines.errors import UsageError


class Neuron:
    """Mixed into a module that takes currents [T, B, ...] to outputs [T, B, ...].

    Nothing is carried from one call to the next. `output_kind` says what the outputs are:
    "spikes" (0 or 1) or "analog".
    """

    kind: str
    engine: str
    output_kind: str


def check_currents(x: Tensor, recurrent: int | None = None) -> None:
    """UsageError unless x is floating point and [T, B, ...] ([T, B, recurrent]) with T >= 1."""
    if not isinstance(x, Tensor):
        raise UsageError(f"currents must be a tensor [T, B, ...], not {type(x).__name__}")
    if not x.dtype.is_floating_point:
        raise UsageError(f"currents must be floating point, not {x.dtype}; convert with x.float()")
    shape = x.shape
    if len(shape) < 2:
        raise UsageError(f"currents must be [T, B, ...], not of shape {list(shape)}")
    if shape[0] == 0:
        raise UsageError(f"currents of shape {list(shape)} have no time step")
    if recurrent is not None and (len(shape) != 3 or shape[2] != recurrent):
        raise UsageError(
            f"currents of a recurrent layer must be [T, B, {recurrent}], not {list(shape)}"
        )


def autocast_off(x: Tensor) -> AbstractContextManager[object]:
    """The state is float32 even under autocast: run the steps inside this."""
    if x.is_meta:  # shapes alone are never cast
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)
