"""One canonical step and its adjoint on whole tensors: what the eager kernels loop over."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.neurons import surrogates
from baselines.neurons.activations import activate, activation_derivative
from baselines.neurons.step import Step, state_dtype


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
        return out.copy_(activate(v, self.step.output, self.step.slope))


@dataclass
class Sums:
    """Running sums over time of the parameters' gradients, each shaped like x[0] (or absent)."""

    alpha: Tensor | None
    beta: Tensor | None
    v_threshold: Tensor | None
    k: Tensor | None


class Adjoint:
    """The backward step, from the last time step to the first.

    `back(grad_y_t, h_t)` returns dL/dH[t] and carries dL/dR; after the last call `finish` returns
    the gradients of alpha, beta, v_threshold and k.
    """

    def __init__(self, dynamics: Dynamics, x_t: Tensor, needs: tuple[bool, bool, bool, bool]):
        self.dynamics = dynamics
        self.grad_r = torch.zeros_like(x_t, dtype=dynamics.dtype)
        self.grad_h: Tensor | None = None
        self.sums = Sums(*(torch.zeros_like(self.grad_r) if need else None for need in needs))

    def back(self, grad_y: Tensor, h: Tensor) -> Tensor:
        """dL/dH[t] from dL/dY[t] and H[t]."""
        d = self.dynamics
        g = d.potential(h)
        u = g - d.v_threshold
        f = d.fire(u)
        self._add_alpha(g, f)
        grad_f = grad_y.to(d.dtype) if d.step.output == "spike" else None
        grad_g, grad_f = self._through_reset(g, f, grad_f)
        if d.step.output != "spike":
            self._through_activation(grad_y, g, u, grad_g)
        if grad_f is not None:
            self._through_spike(grad_f, u, grad_g)
        if d.k is None:
            grad_h = grad_g
        else:
            grad_h = grad_g.mul_(g > 0)
            if self.sums.k is not None:
                self.sums.k.addcmul_(grad_h, h)
            grad_h.mul_(d.k)
        if self.sums.beta is not None:
            self.sums.beta.add_(grad_h)
        torch.mul(grad_h, d.alpha, out=self.grad_r)
        self.grad_h = grad_h
        return grad_h

    def finish(self) -> Sums:
        """The sums over time, once H[0] has been passed; they are to be summed to size."""
        if self.sums.alpha is not None and self.grad_h is not None:
            self.sums.alpha.add_(self.grad_h, alpha=self.dynamics.step.rest)
        return self.sums

    def _add_alpha(self, g: Tensor, f: Tensor) -> None:
        """dL/dalpha += dL/dH[t+1] * R[t]."""
        if self.sums.alpha is not None and self.grad_h is not None:
            r = self.dynamics.reset(g, f, out=torch.empty_like(g))
            self.sums.alpha.addcmul_(self.grad_h, r)

    def _through_reset(
        self, g: Tensor, f: Tensor, grad_f: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """dL/dG and dL/dF from R = Q (or Q/k) + F*v_reset; dL/dF is added to what is given."""
        d, step = self.dynamics, self.dynamics.step
        grad_q = self.grad_r if d.divisor is None else self.grad_r / d.divisor
        hard = d.v_reset is not None
        if d.divisor is not None and self.sums.k is not None:
            q = g - g * f if hard else g - f * d.v_threshold
            self.sums.k.addcmul_(grad_q, q.div_(d.divisor), value=-1)
        if not hard and self.sums.v_threshold is not None:
            self.sums.v_threshold.addcmul_(grad_q, f, value=-1)
        grad_g = torch.addcmul(grad_q, grad_q, f, value=-1) if hard else grad_q.clone()
        if step.detach_reset:
            return grad_g, grad_f
        taken = g if hard else d.v_threshold
        if grad_f is None:
            grad_f = torch.mul(grad_q, taken).neg_()
        else:
            grad_f = torch.addcmul(grad_f, grad_q, taken, value=-1)
        return grad_g, grad_f.add_(self.grad_r, alpha=step.v_reset) if step.v_reset else grad_f

    def _through_activation(self, grad_y: Tensor, g: Tensor, u: Tensor, grad_g: Tensor) -> None:
        """Adds to dL/dG, in place, what comes through an analog Y."""
        step = self.dynamics.step
        v = u if step.threshold_related else g
        grad_v = activation_derivative(v, step.output, step.slope).mul_(grad_y)
        grad_g.add_(grad_v)
        if step.threshold_related and self.sums.v_threshold is not None:
            self.sums.v_threshold.sub_(grad_v)

    def _through_spike(self, grad_f: Tensor, u: Tensor, grad_g: Tensor) -> None:
        """Adds to dL/dG, in place, what comes through F by way of the surrogate derivative."""
        step = self.dynamics.step
        slope = surrogates.derivative(u, step.surrogate, step.width)
        if self.sums.v_threshold is not None:
            self.sums.v_threshold.addcmul_(slope, grad_f, value=-1)
        grad_g.addcmul_(slope, grad_f)


def sum_to(total: Tensor | None, like: Tensor | None) -> Tensor | None:
    """A sum over time brought to the shape and type of the parameter it belongs to."""
    if total is None or like is None:
        return None
    return total.sum_to_size(like.shape).to(like.dtype)


def _is_zero(value: Tensor) -> bool:
    """Whether a term may be left out; on a GPU nobody looks, since looking would synchronize."""
    return value.device.type == "cpu" and value.dim() == 0 and value.item() == 0.0
