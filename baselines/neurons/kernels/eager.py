"""The canonical step on whole tensors, in place: what the eager kernels loop over."""

from __future__ import annotations

import torch
from torch import Tensor

from liafbench.baselines.neurons import surrogates
from liafbench.baselines.neurons.activations import activate_into
from liafbench.baselines.neurons.step import Step, state_dtype


class Dynamics:
    """The forward step on the buffers of one time step; parameters in the type of the state."""

    def __init__(
        self,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
    ):
        self.dtype = state_dtype(x.dtype)
        self.alpha = alpha.to(self.dtype)
        self.beta = None if _is_zero(beta) else beta.to(self.dtype)
        self.v_threshold = v_threshold.to(self.dtype)
        self.k = None if k is None else k.to(self.dtype)
        self.divisor = self.k if step.scale_reset else None
        self.v_reset = None if step.v_reset is None else self.alpha.new_tensor(step.v_reset)
        self.step = step

    def rest(self, x_t: Tensor) -> Tensor:
        """The carried state before the first step, laid out like x[0]."""
        return torch.full_like(x_t, self.step.rest, dtype=self.dtype)

    def charge(self, r: Tensor, x_t: Tensor, out: Tensor) -> Tensor:
        """H = alpha*R + beta + gain*X."""
        torch.mul(r, self.alpha, out=out)
        if self.beta is not None:
            out.add_(self.beta)
        return out.add_(x_t, alpha=self.step.gain)

    def current(self, h: Tensor) -> Tensor:
        """dL/dX from dL/dH, in place."""
        return h if self.step.gain == 1 else h.mul_(self.step.gain)

    def potential(self, h: Tensor) -> Tensor:
        """G: H itself, or ReLU(k*H)."""
        return h if self.k is None else torch.mul(h, self.k).relu_()

    def fire(self, u: Tensor, out: Tensor | None = None) -> Tensor:
        """F from u = G - V_th."""
        return surrogates.fire(u, self.step.surrogate, self.step.width, out=out)

    def reset(self, g: Tensor, f: Tensor, out: Tensor) -> Tensor:
        """R from G and F."""
        if self.v_reset is None:
            torch.addcmul(g, f, self.v_threshold, value=-1, out=out)
            return out if self.divisor is None else out.div_(self.divisor)
        if self.divisor is not None:
            g = torch.div(g, self.divisor, out=out)
        # lerp is exact at both ends: F = 0 keeps G, F = 1 gives v_reset.
        return torch.lerp(g, self.v_reset, f, out=out)

    def show(self, g: Tensor, u: Tensor, out: Tensor) -> Tensor:
        """Y of an analog output."""
        v = u if self.step.threshold_related else g
        return activate_into(out, v, self.step.output, self.step.slope)


def sum_to(total: Tensor | None, like: Tensor | None) -> Tensor | None:
    """A sum over time brought to the shape and type of the parameter it belongs to."""
    if total is None or like is None:
        return None
    return total.sum_to_size(like.shape).to(like.dtype)


def _is_zero(value: Tensor) -> bool:
    """Whether a term may be left out; not asked on a GPU, where it would synchronize."""
    return value.device.type == "cpu" and value.dim() == 0 and value.item() == 0.0
