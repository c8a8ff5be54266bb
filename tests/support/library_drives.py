"""The ways in which the neurons of the spiking libraries are called with currents [T, B, ...]."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn


def _output(returned: Any) -> Tensor:
    while not isinstance(returned, Tensor):
        returned = returned[0]
    return returned


def whole(unit: nn.Module, x: Tensor) -> Tensor:
    """[T, B, ...] at once; neurons that keep the last step alone repeat it."""
    out = unit(x)
    if isinstance(out, list):
        out = torch.stack(out)
    return _output(out)


def steps(unit: nn.Module, x: Tensor) -> Tensor:
    return torch.stack([_output(unit(frame)) for frame in x])


def passed(unit: nn.Module, x: Tensor) -> Tensor:
    first = unit.reset_mem() if hasattr(unit, "reset_mem") else ()
    state: Any = first if isinstance(first, tuple) else (first,)
    if type(unit).__name__ == "DeltaLeaky":
        state = (state,)
    back = 0 if "spk" in inspect.signature(unit.forward).parameters else 1
    out = []
    for frame in x:
        returned = unit(frame, *state)
        out.append(returned[0])
        state = returned[back:]
    return torch.stack(out)


def halves(unit: nn.Module, x: Tensor) -> Tensor:
    out, state = [], None
    for half in x.chunk(2):
        spikes, state = unit(half, state)
        out.append(spikes)
    return torch.cat(out)


def batch_first(unit: nn.Module, x: Tensor) -> Tensor:
    return unit(x.transpose(0, 1)).transpose(0, 1)


def one_by_one(unit: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([batch_first(unit, frame[None]) for frame in x])


def squeezed(unit: nn.Module, x: Tensor) -> Tensor:
    flat = unit(x.transpose(0, 1).flatten(0, 1))
    return flat.unflatten(0, (x.shape[1], x.shape[0])).transpose(0, 1)
