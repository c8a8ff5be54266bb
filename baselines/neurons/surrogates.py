"""Surrogate derivatives of the spike, and the functions they are the derivatives of.

The spike is 1 where u = U - V_th >= 0. Its surrogate derivative is named and has one scale:

    rect      half-width w   1/(2w) where |u| < w
    triangle  half-width w   max(0, 1 - |u|/w) / w
    sigmoid   slope a        a * s * (1 - s), s = sigmoid(a*u)
    atan      slope a        (a/2) / (1 + (pi/2 * a * u)^2)

Every one integrates to 1: its primitive is a smooth step from 0 to 1.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from liafbench.baselines.errors import UsageError, unknown

DEFAULT_WIDTHS = {"rect": 0.5, "triangle": 1.0, "sigmoid": 4.0, "atan": 2.0}


def resolve_width(surrogate: str, width: float | None) -> float:
    """The given scale of a surrogate, or its default; UsageError for a bad name or scale."""
    if surrogate not in DEFAULT_WIDTHS:
        raise unknown("surrogate", surrogate, DEFAULT_WIDTHS)
    if width is None:
        return DEFAULT_WIDTHS[surrogate]
    if not (math.isfinite(width) and width > 0):
        raise UsageError(f"width={width} of surrogate {surrogate!r} must be positive and finite")
    return float(width)


def fire(u: Tensor, surrogate: str, width: float, out: Tensor | None = None) -> Tensor:
    """Spikes (0 or 1) of u = U - V_th; NaN does not fire.

    The surrogate takes no part in the value. It is passed so that a gradient check can put the
    surrogate's primitive in the place of the step.
    """
    if out is None:
        out = torch.empty_like(u)
    return torch.ge(u, 0, out=out)


def derivative(u: Tensor, surrogate: str, width: float) -> Tensor:
    """The surrogate derivative at u = U - V_th, shaped like u."""
    if surrogate == "rect":
        distance = u.abs()
        inside = torch.lt(distance, width, out=distance)
        return inside if width == 0.5 else inside.mul_(0.5 / width)
    if surrogate == "triangle":
        return u.abs().div_(-width).add_(1).clamp_(min=0).div_(width)
    if surrogate == "sigmoid":
        # s * (1 - s) with s = 1 / (1 + e), without the cancellation in 1 - s far above threshold.
        e = (u * width).abs_().neg_().exp_()
        return e.div_((e + 1).square_()).mul_(width)
    if surrogate == "atan":
        return (u * (math.pi / 2 * width)).square_().add_(1).reciprocal_().mul_(width / 2)
    raise unknown("surrogate", surrogate, DEFAULT_WIDTHS)


def primitive(u: Tensor, surrogate: str, width: float) -> Tensor:
    """The smooth step whose derivative is the surrogate: 0 far below threshold, 1 far above."""
    if surrogate == "rect":
        return (u / (2 * width) + 0.5).clamp(0, 1)
    if surrogate == "triangle":
        v = (u / width).clamp(-1, 1)
        return 0.5 + v - 0.5 * v * v.abs()
    if surrogate == "sigmoid":
        return torch.sigmoid(width * u)
    if surrogate == "atan":
        return torch.atan(math.pi / 2 * width * u) / math.pi + 0.5
    raise unknown("surrogate", surrogate, DEFAULT_WIDTHS)


class Spike(torch.autograd.Function):
    """The spike with its surrogate derivative, for plain autograd."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, surrogate: str, width: float) -> Tensor:
        ctx.save_for_backward(u)
        ctx.surrogate, ctx.width = surrogate, width
        return fire(u, surrogate, width)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (u,) = ctx.saved_tensors
        return grads[0] * derivative(u, ctx.surrogate, ctx.width), None, None


def spike(u: Tensor, surrogate: str, width: float) -> Tensor:
    """Spikes of u = U - V_th; in the backward pass the surrogate derivative."""
    return Spike.apply(u, surrogate, width)
