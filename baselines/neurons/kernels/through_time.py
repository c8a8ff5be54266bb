"""Backpropagation through time for the eager kernels, a few time steps at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from liafbench.baselines.neurons.kernels.derivatives import Derivatives, Needs, derivatives
from liafbench.baselines.neurons.kernels.eager import Dynamics

# Elements whose derivatives are taken at once: enough to hide the cost of a call, and few enough
# to stay in the cache.
AT_ONCE = 2**15


@dataclass
class Sums:
    """Gradients of the parameters, summed over time and shaped like x[0]; None if not needed."""

    alpha: Tensor | None
    beta: Tensor | None
    v_threshold: Tensor | None
    k: Tensor | None

    @classmethod
    def zeros(cls, like: Tensor, needs: Needs) -> Sums:
        """Sums of nothing."""
        flags = (needs.alpha, needs.beta, needs.v_threshold, needs.k)
        return cls(*(torch.zeros_like(like) if flag else None for flag in flags))

    def add(self, local: Derivatives, grad_y: Tensor, grad_r: Tensor, grad_h: Tensor) -> None:
        """Adds the share of some time steps but for alpha, which looks one step ahead."""
        if self.beta is not None:
            self.beta.add_(grad_h.sum(0))
        if self.v_threshold is not None and local.v_threshold is not None:
            self.v_threshold.add_(local.v_threshold.back(grad_y, grad_r).sum(0))
        if self.k is not None and local.k is not None:
            self.k.add_(local.k.back(grad_y, grad_r).sum(0))


def back(
    h: Tensor, grad_y: Tensor, d: Dynamics, needs: Needs, weights: Tensor | None = None
) -> Sums:
    """Replaces the potentials H [T, ...] by dL/dH, and returns the parameters' gradients.

    With `weights` [N, N] Y[t] also reaches H[t+1] through them.
    """
    sums = Sums.zeros(h[0], needs)
    size = max(1, AT_ONCE // max(1, h[0].numel()))
    for first in reversed(range(0, len(h), size)):
        part = h[first : first + size]
        local = derivatives(d, part, needs)
        later = h[first + 1 : first + len(part) + 1]  # dL/dH[t+1] already, or will be in time
        total = grad_y[first : first + size].to(d.dtype, copy=weights is not None)
        grad_r = torch.empty_like(part)
        _recursion(part, later, total, grad_r, local, d, weights)
        sums.add(local, total, grad_r, part)
        if sums.alpha is not None and local.r is not None:
            sums.alpha.add_((later * local.r[: len(later)]).sum(0))  # R[t] enters H[t+1]
    if sums.alpha is not None:
        sums.alpha.add_(h[0], alpha=d.step.rest)
    return sums


def _recursion(
    part: Tensor,
    later: Tensor,
    total: Tensor,
    grad_r: Tensor,
    local: Derivatives,
    d: Dynamics,
    weights: Tensor | None,
) -> None:
    """Fills dL/dH (into part) and dL/dR; adds to dL/dY (total) what comes through the weights."""
    y_h, r_h = local.h.y.unbind(0), local.h.r.unbind(0)
    totals, grad_rs, grad_hs = total.unbind(0), grad_r.unbind(0), part.unbind(0)
    laters = later.unbind(0)
    for t in reversed(range(len(grad_hs))):
        if t < len(laters):
            torch.mul(laters[t], d.alpha, out=grad_rs[t])
            if weights is not None:
                totals[t].addmm_(laters[t], weights)
        else:
            grad_rs[t].zero_()
        torch.mul(y_h[t], totals[t], out=grad_hs[t]).addcmul_(r_h[t], grad_rs[t])
