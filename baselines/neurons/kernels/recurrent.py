"""The recurrent neuron without a compiler: the whole loop and its backward through time, one addmm
per step.

H[t] = alpha*R[t-1] + beta + gain*X[t] + W_rec Y[t-1]
"""

from __future__ import annotations

import torch
from torch import Tensor

from liafbench.baselines.neurons.kernels.derivatives import Needs
from liafbench.baselines.neurons.kernels.eager import Dynamics, sum_to
from liafbench.baselines.neurons.kernels.protocol import RecurrentGradients, RecurrentNeeds
from liafbench.baselines.neurons.kernels.through_time import back
from liafbench.baselines.neurons.step import Step


class PortableRecurrent:
    """Runs everywhere PyTorch runs and refuses nothing."""

    name = "portable"

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        return None

    def forward(
        self,
        x: Tensor,
        w_rec: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
    ) -> Tensor:
        d = Dynamics(x, alpha, beta, v_threshold, k, step)
        return _loop(x, w_rec.to(d.dtype), d)[0].to(x.dtype)

    def backward(
        self,
        grad_y: Tensor,
        x: Tensor,
        w_rec: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
        needs: RecurrentNeeds,
    ) -> RecurrentGradients:
        """The potential is recomputed with the very operations of the forward pass: a product
        over all steps at once would round otherwise and move spikes that sit at the threshold.
        """
        d = Dynamics(x, alpha, beta, v_threshold, k, step)
        weights = w_rec.to(d.dtype)
        y, h = _loop(x, weights, d, keep=True)
        assert h is not None
        sums = back(h, grad_y, d, Needs(*needs[2:]), weights)
        grad_w = h[1:].flatten(0, 1).T @ y[:-1].flatten(0, 1) if needs[1] else None
        return (
            d.current(h).to(x.dtype) if needs[0] else None,
            None if grad_w is None else grad_w.to(w_rec.dtype),
            sum_to(sums.alpha, alpha),
            sum_to(sums.beta, beta),
            sum_to(sums.v_threshold, v_threshold),
            sum_to(sums.k, k),
        )


def _loop(
    x: Tensor, weights: Tensor, d: Dynamics, keep: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Y and, with `keep`, H of every step [T, B, N], contiguous and in the type of the state."""
    y = torch.empty(x.shape, dtype=d.dtype, device=x.device)
    potentials = torch.empty_like(y) if keep else None
    r = d.rest(y[0])
    h, u, f = torch.empty_like(r), torch.empty_like(r), torch.empty_like(r)
    spikes = d.step.output == "spike"
    transposed = weights.T
    before: Tensor | None = None
    for t, (x_t, y_t) in enumerate(zip(x.unbind(0), y.unbind(0), strict=True)):
        if potentials is not None:
            h = potentials[t]
        d.charge(r, x_t, out=h)
        if before is not None:
            h.addmm_(before, transposed)
        g = d.potential(h)
        torch.sub(g, d.v_threshold, out=u)
        fired = d.fire(u, out=y_t if spikes else f)
        if not spikes:
            d.show(g, u, out=y_t)
        d.reset(g, fired, out=r)
        before = y_t
    return y, potentials
