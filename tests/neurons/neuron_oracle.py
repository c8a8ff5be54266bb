"""The neurons once more, from the published equations, to hold the package against.

Nothing of the package is used. The surrogate gradient comes from autograd: the spike is the hard
step plus p(u) - p(u).detach(), where p is the integral of the surrogate written down by hand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def smooth_step(u: Tensor, surrogate: str, width: float) -> Tensor:
    if surrogate == "rect":
        return F.hardtanh(u / width) / 2
    if surrogate == "triangle":
        # Integral of the tent (1 - |u|/w)/w, from the left foot of the tent.
        left = torch.clamp(u + width, 0, width) ** 2 / (2 * width**2)
        right = torch.clamp(u, 0, width) / width - torch.clamp(u, 0, width) ** 2 / (2 * width**2)
        return left + right
    if surrogate == "sigmoid":
        return 0.5 * torch.tanh(width * u / 2)
    if surrogate == "atan":
        return torch.atan2(math.pi * width * u, torch.full_like(u, 2.0)) / math.pi
    raise ValueError(surrogate)


@dataclass
class Oracle:
    """One setting; tensors of one type, float64 where it is to be exact.

    `run` returns the outputs and remembers U - V_th of every step in `margins`, and in `kink` the
    smallest distance of anything to a point where its derivative jumps.
    """

    kind: str
    alpha: Tensor
    beta: Tensor
    v_threshold: Tensor
    gain: float = 1.0
    v_reset: float | None = 0.0
    surrogate: str = "rect"
    width: float = 0.5
    detach_reset: bool = False
    activation: str = "relu"
    slope: float = 0.01
    threshold_related: bool = False
    k: Tensor | None = None
    scale_reset: bool = False
    w_rec: Tensor | None = None

    def run(self, x: Tensor) -> Tensor:
        state = torch.zeros_like(x[0]) + (self.v_reset or 0.0)
        shown: list[Tensor] = []
        self.margins: list[Tensor] = []
        self.kink = math.inf
        for t in range(len(x)):
            u = self.alpha * state + self.beta + self.gain * x[t]
            if self.w_rec is not None and t > 0:
                u = u + torch.einsum("bj,ij->bi", shown[-1], self.w_rec)
            if self.kind == "klif":
                u = self.k * u
                self._near(u)
                u = F.relu(u)
            margin = u - self.v_threshold
            self.margins.append(margin.detach())
            fired = self._fire(margin)
            shown.append(fired if self.kind != "liaf" else self._show(u))
            state = self._reset(u, fired.detach() if self.detach_reset else fired)
        return torch.stack(shown)

    def _near(self, distance: Tensor) -> None:
        if distance.numel():
            self.kink = min(self.kink, distance.detach().abs().min().item())

    def _fire(self, margin: Tensor) -> Tensor:
        if self.surrogate == "rect":
            self._near(margin.abs() - self.width)
        soft = smooth_step(margin, self.surrogate, self.width)
        return (margin >= 0).to(margin.dtype) + (soft - soft.detach())

    def _show(self, u: Tensor) -> Tensor:
        v = u - self.v_threshold if self.threshold_related else u
        if self.activation != "identity":
            self._near(v)
        return {
            "relu": lambda: v.clamp_min(0),
            "selu": lambda: F.selu(v),
            "leaky_relu": lambda: (
                torch.maximum(v, torch.zeros_like(v))
                + self.slope * torch.minimum(v, torch.zeros_like(v))
            ),
            "identity": lambda: v,
        }[self.activation]()

    def _reset(self, u: Tensor, fired: Tensor) -> Tensor:
        divisor = self.k if self.kind == "klif" and self.scale_reset else 1.0
        if self.v_reset is None:
            return (u - fired * self.v_threshold) / divisor
        return (1 - fired) * (u / divisor) + fired * self.v_reset
