"""The derivatives of one canonical step, elementwise: all a backward pass through time needs.

With them the recursion is linear: dL/dH[t] = dL/dY[t] * dY/dH + dL/dR[t] * dR/dH, and
dL/dR[t-1] = alpha * dL/dH[t]. They depend on H alone, so that they may be taken for one time step
or for many at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from liafbench.baselines.neurons.activations import activation_derivative
from liafbench.baselines.neurons.kernels.eager import Dynamics
from liafbench.baselines.neurons.surrogates import derivative


@dataclass(frozen=True)
class Pair:
    """dY[t] and dR[t] by one quantity."""

    y: Tensor
    r: Tensor

    def back(self, grad_y: Tensor, grad_r: Tensor) -> Tensor:
        """dL by that quantity, from dL/dY[t] and dL/dR[t]."""
        return torch.mul(self.y, grad_y).addcmul_(self.r, grad_r)


@dataclass(frozen=True)
class Derivatives:
    """By H, V_th and k (the latter where asked for), and the state R[t] itself."""

    h: Pair
    v_threshold: Pair | None
    k: Pair | None
    r: Tensor | None


@dataclass(frozen=True)
class Needs:
    """Which parameters want a gradient."""

    alpha: bool
    beta: bool
    v_threshold: bool
    k: bool


def derivatives(d: Dynamics, h: Tensor, needs: Needs) -> Derivatives:
    """The derivatives at the potentials H, and R where alpha needs it."""
    g = d.potential(h)
    u = g - d.v_threshold
    f = d.fire(u)
    through_f = derivative(u, d.step.surrogate, d.step.width) if _uses_spike(d) else None
    r_f = None if d.step.detach_reset else _by_spike(d, g)
    by_g = Pair(_shown(d, g, u, through_f), _carried(d, f, r_f, through_f))
    by_threshold = None
    if needs.v_threshold:
        by_threshold = Pair(_shown_by_threshold(d, by_g.y), _by_threshold(d, f, r_f, through_f))
    r = d.reset(g, f, out=torch.empty_like(g)) if needs.alpha else None
    if d.k is None:
        return Derivatives(by_g, by_threshold, None, r)
    passes = torch.gt(g, 0, out=torch.empty_like(g))
    by_k = None
    if needs.k:
        r_k = by_g.r * passes * h
        if d.divisor is not None:  # R = Q/k, so that -Q/k^2 comes on top
            r_k.sub_(_quotient(d, g, f).div_(d.divisor))
        by_k = Pair(by_g.y * passes * h, r_k)
    slope = passes.mul_(d.k)
    return Derivatives(Pair(by_g.y * slope, by_g.r * slope), by_threshold, by_k, r)


def _uses_spike(d: Dynamics) -> bool:
    """Whether any gradient flows through F."""
    return d.step.output == "spike" or not d.step.detach_reset


def _shown(d: Dynamics, g: Tensor, u: Tensor, through_f: Tensor | None) -> Tensor:
    """dY/dG."""
    if d.step.output == "spike" and through_f is not None:
        return through_f
    v = u if d.step.threshold_related else g
    return activation_derivative(v, d.step.output, d.step.slope)


def _shown_by_threshold(d: Dynamics, y_g: Tensor) -> Tensor:
    """dY/dV_th."""
    follows = d.step.output == "spike" or d.step.threshold_related
    return -y_g if follows else torch.zeros_like(y_g)


def _carried(d: Dynamics, f: Tensor, r_f: Tensor | None, through_f: Tensor | None) -> Tensor:
    """dR/dG, with F held and through F."""
    kept = torch.ones_like(f) if d.v_reset is None else 1 - f
    if d.divisor is not None:
        kept.div_(d.divisor)
    return kept if r_f is None or through_f is None else kept.addcmul_(r_f, through_f)


def _by_spike(d: Dynamics, g: Tensor) -> Tensor:
    """dR/dF with G held."""
    lost = d.v_threshold if d.v_reset is None else g
    if d.divisor is not None:
        lost = lost / d.divisor
    return -lost if d.v_reset is None else d.v_reset - lost


def _by_threshold(d: Dynamics, f: Tensor, r_f: Tensor | None, through_f: Tensor | None) -> Tensor:
    """dR/dV_th: through F, and for a soft reset as what is subtracted."""
    r_v = torch.zeros_like(f)
    if r_f is not None and through_f is not None:
        r_v.addcmul_(r_f, through_f, value=-1)
    if d.v_reset is None:
        r_v.sub_(f if d.divisor is None else f / d.divisor)
    return r_v


def _quotient(d: Dynamics, g: Tensor, f: Tensor) -> Tensor:
    """Q/k, the part of R that scale_reset divides."""
    q = g - f * d.v_threshold if d.v_reset is None else g - f * g
    return q if d.divisor is None else q.div_(d.divisor)
