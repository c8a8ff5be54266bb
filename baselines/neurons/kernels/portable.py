"""The kernel that needs no compiler: PyTorch operations, in place, one time step after another."""

from __future__ import annotations

import torch
from torch import Tensor

from liafbench.baselines.neurons.kernels.derivatives import Needs
from liafbench.baselines.neurons.kernels.eager import Dynamics, sum_to
from liafbench.baselines.neurons.kernels.through_time import back
from liafbench.baselines.neurons.step import Step


class Portable:
    """Runs everywhere PyTorch runs and refuses nothing; keeps one time step of state."""

    name = "portable"

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        return None

    def forward(
        self,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
    ) -> Tensor:
        y = torch.empty_like(x)
        d = Dynamics(x, alpha, beta, v_threshold, k, step)
        r = d.rest(x[0])
        u = torch.empty_like(r)
        spikes = step.output == "spike"
        f = None if spikes and y.dtype == d.dtype else torch.empty_like(r)
        for x_t, y_t in zip(x.unbind(0), y.unbind(0), strict=True):
            g = d.potential(d.charge(r, x_t, out=r))
            torch.sub(g, d.v_threshold, out=u)
            fired = d.fire(u, out=y_t if f is None else f)
            if not spikes:
                d.show(g, u, out=y_t)
            elif f is not None:
                y_t.copy_(f)
            d.reset(g, fired, out=r)
        return y

    def backward(
        self,
        grad_y: Tensor,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
        needs: tuple[bool, bool, bool, bool, bool],
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
        d = Dynamics(x, alpha, beta, v_threshold, k, step)
        h = _potentials(x, d)
        sums = back(h, grad_y, d, Needs(*needs[1:]))
        return (
            d.current(h).to(x.dtype) if needs[0] else None,
            sum_to(sums.alpha, alpha),
            sum_to(sums.beta, beta),
            sum_to(sums.v_threshold, v_threshold),
            sum_to(sums.k, k),
        )


def _potentials(x: Tensor, d: Dynamics) -> Tensor:
    """H of every time step, in the type of the state."""
    potentials = torch.empty_like(x, dtype=d.dtype)
    r = d.rest(x[0])
    u = torch.empty_like(r)
    for x_t, h in zip(x.unbind(0), potentials.unbind(0), strict=True):
        g = d.potential(d.charge(r, x_t, out=h))
        torch.sub(g, d.v_threshold, out=u)
        d.reset(g, d.fire(u, out=u), out=r)
    return potentials
