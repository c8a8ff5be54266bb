"""What is known of a tensor besides its values: where it comes from and what kind it is."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from liafbench.bench.counting.geometry import Pads

Kind = Literal["spikes", "graded", "analog"]
SPIKES: Kind = "spikes"
GRADED: Kind = "graded"
ANALOG: Kind = "analog"
KINDS: tuple[Kind, ...] = (SPIKES, GRADED, ANALOG)

Role = Literal["input", "weight", "fresh"]


@dataclass(frozen=True)
class Known:
    """A tensor's provenance.

    `role`: "input" depends on the network's input, "weight" on parameters, buffers and constants
    alone, "fresh" was made during the run (an initial state).
    `kind` of an input: "spikes" are 0 or 1 by what produced them, "graded" is a sum or average of
    spikes, everything else is "analog"; it is declared by the producer, never read off the values.
    `present`: which elements count as activity, where that is not "those that are not 0".
    `events`: for graded tensors, how many spikes each element sums.
    `origin`: the synaptic calls whose results reach it with no nonlinearity in between.
    `number`: equal for weights of equal derivation. `padding`: zeros put around it.
    """

    role: Role
    kind: Kind = ANALOG
    present: Tensor | None = None
    events: Tensor | None = None
    origin: frozenset[int] = frozenset()
    number: Hashable = None
    padding: Pads = ()

    def plain(self) -> Known:
        """The same as an analog input: values speak for themselves."""
        return replace(
            self, role="input", kind=ANALOG, present=None, events=None, padding=(), number=None
        )


FRESH = Known("fresh")


def indicator(x: Tensor) -> Tensor:
    """1 where x is not 0; float64. A meta tensor has no values and counts in full."""
    if x.is_meta:
        return torch.ones(x.shape, dtype=torch.float64)
    return (x != 0).double()


def nonzero(weight: Tensor) -> int:
    """Number of non-zero entries; all of a meta tensor."""
    return weight.numel() if weight.is_meta else int((weight != 0).sum().item())


def taps(weight: Tensor) -> Tensor:
    """Non-zero entries at every place of a convolution's kernel; float64 [*kernel]."""
    if weight.is_meta:
        each = weight.shape[0] * weight.shape[1]
        return torch.full(weight.shape[2:], each, dtype=torch.float64)
    return (weight != 0).sum((0, 1)).double()


def presence(x: Tensor, known: Known) -> Tensor:
    """Which elements of x are activity, as 0 and 1. A state made afresh is dense."""
    if known.present is not None:
        return known.present
    return torch.ones_like(x, dtype=torch.bool) if known.role == "fresh" else x != 0


def spike_events(x: Tensor, known: Known) -> Tensor | None:
    """How many spikes every element of x sums, or None for an analog tensor."""
    if known.kind == SPIKES:
        return indicator(x)
    return known.events if known.kind == GRADED else None
