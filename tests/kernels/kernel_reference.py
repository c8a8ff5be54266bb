"""The canonical step in float64 with the gradients of autograd, for holding kernels against."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from liafbench.baselines.neurons.step import Step

SELU = (1.0507009873554805, 1.6732632423543772)


def surrogate(u: Tensor, name: str, width: float) -> Tensor:
    """The derivative that stands for that of the spike, by its formula."""
    if name == "rect":
        return torch.where(u.abs() < width, 1 / (2 * width), 0.0)
    if name == "triangle":
        return (1 - u.abs() / width).clamp(min=0) / width
    if name == "sigmoid":
        return width / (2 * torch.cosh(width * u / 2)) ** 2
    if name == "atan":
        return width / 2 / (1 + (math.pi / 2 * width * u) ** 2)
    raise ValueError(name)


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, name: str, width: float) -> Tensor:
        ctx.save_for_backward(u)
        ctx.of = name, width
        return (u >= 0).double()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return grads[0] * surrogate(ctx.saved_tensors[0], *ctx.of), None, None


@dataclass
class Answer:
    """Outputs, gradients of (x, alpha, beta, v_threshold, k) with those of recurrent weights behind
    x, and the smallest distance of any value to a point where the step or its derivative jumps."""

    y: Tensor
    gradients: list[Tensor | None]
    kink: float
    margins: Tensor


@dataclass
class _Loop:
    step: Step
    kinks: list[float] = field(default_factory=lambda: [math.inf])
    margins: list[Tensor] = field(default_factory=list)

    def near(self, distance: Tensor) -> None:
        """An exact 0 counts as no distance: it is the same 0 in every precision."""
        finite = distance.detach().abs()
        finite = finite[finite.isfinite() & (finite > 0)]
        if finite.numel():
            self.kinks.append(finite.min().item())

    def show(self, v: Tensor) -> Tensor:
        if self.step.output != "identity":
            self.near(v)
        scale, below = SELU
        return {
            "identity": v,
            "relu": torch.where(v <= 0, 0.0, v),
            "leaky_relu": torch.where(v > 0, v, self.step.slope * v),
            "selu": scale * torch.where(v > 0, v, below * torch.expm1(v.clamp(max=0))),
        }[self.step.output]

    def run(
        self,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_th: Tensor,
        k: Tensor | None,
        w_rec: Tensor | None = None,
    ) -> Tensor:
        step, shown = self.step, []  # type: ignore[var-annotated]
        r = torch.zeros_like(x[0]) + (step.v_reset or 0.0)
        for x_t in x:
            g = alpha * r + beta + step.gain * x_t
            if w_rec is not None and shown:
                g = g + torch.einsum("bf,tf->bt", shown[-1], w_rec)
            if k is not None:
                self.near(g * k)
                g = torch.where(g * k <= 0, 0.0, g * k)
            u = g - v_th
            self.near(u)
            self.near(u.abs() - step.width)
            self.margins.append(u.detach())
            spike = Spike.apply(u, step.surrogate, step.width)
            if step.output == "spike":
                shown.append(spike)
            else:
                shown.append(self.show(u if step.threshold_related else g))
            gate = spike.detach() if step.detach_reset else spike
            q = g - gate * v_th if step.v_reset is None else g * (1 - gate)
            q = q / k if k is not None and step.scale_reset else q
            r = q if step.v_reset is None else q + gate * step.v_reset
        return torch.stack(shown)


def answer(
    x: Tensor,
    parameters: tuple[Tensor | None, ...],
    step: Step,
    grad_y: Tensor,
    w_rec: Tensor | None = None,
) -> Answer:
    """What a kernel should give; `parameters` are (alpha, beta, v_threshold, k)."""
    given = (x, w_rec, *parameters)
    exact = [None if t is None else t.detach().double().requires_grad_() for t in given]
    loop = _Loop(step)
    y = loop.run(exact[0], *exact[2:], exact[1])  # type: ignore[arg-type]
    wanted = [t for t in exact if t is not None]
    found = iter(torch.autograd.grad(y, wanted, grad_y.double(), materialize_grads=True))
    gradients = [None if t is None else next(found) for t in exact]
    if w_rec is None:
        del gradients[1]
    return Answer(y.detach(), gradients, min(loop.kinks), torch.stack(loop.margins))
