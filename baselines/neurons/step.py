"""The fixed part of one canonical neuron step."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, fields
from typing import Any

import torch


@dataclass(frozen=True)
class Step:
    """What one step computes, apart from its tensors; R is `v_reset`, or 0, before the first step.

        H[t] = alpha*R[t-1] + beta + gain*X[t]
        G[t] = ReLU(k*H[t]) with `klif`, else H[t]
        F[t] = 1 where G[t] >= V_th
        Q[t] = G[t] - F[t]*V_th with a soft reset (`v_reset` is None), else (1 - F[t])*G[t]
        R[t] = (Q[t]/k with `scale_reset`, else Q[t]) + F[t]*v_reset (hard reset only)
        Y[t] = F[t] for output "spike", else act(G[t]), or act(G[t] - V_th) if `threshold_related`

    `detach_reset`: no gradient flows through the F of Q and R.
    `width`: the scale of the surrogate (see surrogates.py); `slope`: leaky_relu below zero.
    """

    gain: float = 1.0
    v_reset: float | None = 0.0
    surrogate: str = "rect"
    width: float = 0.5
    output: str = "spike"
    threshold_related: bool = False
    klif: bool = False
    scale_reset: bool = False
    detach_reset: bool = False
    slope: float = 0.01
    spec: str = field(init=False, repr=False, compare=False)
    """All of the above as one string: the key of what is looked up at every call."""
    rest: float = field(init=False, repr=False, compare=False)
    """The carried state before the first step."""

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        spec = " ".join(f"{name}={value}" for name, value in given.items())
        object.__setattr__(self, "spec", spec)
        object.__setattr__(self, "rest", 0.0 if self.v_reset is None else self.v_reset)

    @staticmethod
    @functools.cache
    def read(spec: str) -> Step:
        """The step of this spec."""
        pairs = (pair.partition("=") for pair in spec.split())
        return Step(**{name: _value(name, text) for name, _, text in pairs})


def state_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type the state is kept in: float32, or float64 when the input is float64."""
    return torch.promote_types(dtype, torch.float32)


def _value(name: str, text: str) -> Any:
    """A field from its spelling."""
    words = {"None": None, "True": True, "False": False}
    if text in words:
        return words[text]
    return text if name in ("surrogate", "output") else float(text)
