"""What a neuron shows: its spike, or for LIAF an activation of its potential."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from liafbench.baselines.errors import unknown

ACTIVATIONS = ("relu", "selu", "leaky_relu", "identity")
OUTPUTS = ("spike", *ACTIVATIONS)

# Klambauer et al. 2017 (arXiv 1706.02515), the constants torch.nn.SELU uses.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def activate(v: Tensor, name: str, slope: float) -> Tensor:
    """The activation of v; `slope` is that of leaky_relu below zero."""
    if name == "relu":
        return torch.relu(v)
    if name == "selu":
        return F.selu(v)
    if name == "leaky_relu":
        return F.leaky_relu(v, slope)
    if name == "identity":
        return v
    raise unknown("activation", name, ACTIVATIONS)


def activate_into(out: Tensor, v: Tensor, name: str, slope: float) -> Tensor:
    """The activation of v, bit by bit, written to `out` of the same shape; no autograd."""
    if out.dtype == v.dtype:  # what torch.relu and F.selu call, where no tensor is made
        if name == "relu":
            return torch.clamp_min(v, 0, out=out)
        if name == "selu":
            return torch.ops.aten.elu.out(v, SELU_ALPHA, SELU_SCALE, 1, out=out)
        if name == "leaky_relu":
            return torch.ops.aten.leaky_relu.out(v, slope, out=out)
    return out.copy_(activate(v, name, slope))


def activation_derivative(v: Tensor, name: str, slope: float) -> Tensor:
    """The derivative of the activation at v; at a kink the value from below, as in PyTorch."""
    if name == "relu":
        return torch.gt(v, 0, out=torch.empty_like(v))
    if name == "selu":
        below = torch.exp(v).mul_(SELU_SCALE * SELU_ALPHA)
        return torch.where(v > 0, SELU_SCALE, below)
    if name == "leaky_relu":
        return torch.where(v > 0, 1.0, slope).to(v.dtype)
    if name == "identity":
        return torch.ones_like(v)
    raise unknown("activation", name, ACTIVATIONS)
