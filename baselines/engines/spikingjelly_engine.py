"""The neurons of spikingjelly (checked with 2.0.0), aligned to this suite's definition.

tau = 1/(1 - alpha). The library scales the input by 1/tau or not at all; another gain, and a beta
other than the library's v_reset/tau, are applied to the currents first. LIF runs in the library's
multi-step form; LIAF must run step by step, since its multi-step form returns binary spikes, and
KLIF does, since its multi-step form indexes x[t], whose backward is quadratic in T.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import Tensor, nn

from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import KLIF, LIAF, LIF
from liafbench.baselines.neurons.activations import activate
from liafbench.baselines.neurons.modules import Neuron, check_currents
from liafbench.baselines.neurons.operators import autocast_off
from liafbench.baselines.neurons.parameters import per_channel
from liafbench.baselines.neurons.step import Step, state_dtype

Own = LIF | LIAF | KLIF


class _Aligned(Neuron):
    """Mixed in before a node of the library: our currents in, our outputs out, no state left."""

    engine = "spikingjelly"
    step: Step
    w_rec: nn.Parameter | None
    beta: Tensor

    def align(self, own: Own, decays: bool) -> None:
        """Takes over from our neuron what the library's constructor has no name for."""
        self.kind, self.output_kind, self.step = own.kind, own.output_kind, own.step
        self.decays = decays
        self.recurrent, self.constants = own.recurrent, own.constants
        assert isinstance(self, nn.Module)
        self.register_parameter("w_rec", own.w_rec if own.recurrent else None)
        if "beta" in own.learnable:
            self.register_parameter("beta", nn.Parameter(own.beta.detach().clone()))
        else:
            self.register_buffer("beta", own.beta, persistent=False)
        self.has_beta = "beta" in own.learnable or not _library_beta(own)

    @property
    def alpha(self) -> Tensor:
        """The leak factor 1 - 1/tau."""
        if hasattr(self, "w"):
            return 1 - torch.sigmoid(self.w)
        return torch.tensor(1 - 1 / self.tau, dtype=torch.float64)  # type: ignore[attr-defined]

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [T, B, ...] of currents [T, B, ...]."""
        check_currents(x, self.recurrent)
        self.reset()  # type: ignore[attr-defined]
        with autocast_off(x):
            y = self._run(self._drive(x.to(state_dtype(x.dtype)))).to(x.dtype)
        self.reset()  # type: ignore[attr-defined]
        return y

    def _drive(self, x: Tensor) -> Tensor:
        """The input that makes the library's charge equal alpha*R + beta + gain*X."""
        if not self.decays and self.step.gain != 1:
            x = x * self.step.gain
        if not self.has_beta:
            return x
        offset = per_channel(self.beta, x, "beta") - (1 - self.alpha) * self.step.rest
        return x + (offset / self.step.gain if self.decays else offset)

    def _run(self, drive: Tensor) -> Tensor:
        if self.step_mode == "m":  # type: ignore[attr-defined]
            return super().forward(drive)  # type: ignore[misc]
        outputs: list[Tensor] = []
        for current in drive.unbind(0):
            if self.w_rec is not None and outputs:
                current = current + outputs[-1] @ self.w_rec.to(current.dtype).T
            outputs.append(super().forward(current))  # type: ignore[misc]
        return torch.stack(outputs)


class SpikingJellyLIF(_Aligned, neuron.LIFNode):
    """spikingjelly's LIFNode."""


class SpikingJellyParametricLIF(_Aligned, neuron.ParametricLIFNode):
    """spikingjelly's ParametricLIFNode: its learnable w is minus our logit of alpha."""


class SpikingJellyLIAF(_Aligned, neuron.LIAFNode):
    """spikingjelly's LIAFNode."""


class SpikingJellyKLIF(_Aligned, neuron.KLIFNode):
    """spikingjelly's KLIFNode."""


def make(kind: str, **settings: Any) -> nn.Module:
    """A neuron of `kind` from spikingjelly; UsageError with the reason where it has none."""
    own: Own = {"lif": LIF, "liaf": LIAF, "klif": KLIF}[kind](**settings)
    _refuse(own)
    step, learns_alpha = own.step, "alpha" in own.learnable
    alpha = own.alpha.double().item()
    decays = (
        alpha < 1 and own.recurrent is None and math.isclose(step.gain, 1 - alpha, rel_tol=1e-6)
    )
    decays = decays and not learns_alpha
    tau = 1 / (1 - alpha) if alpha < 1 else math.inf
    shared = {
        "decay_input": decays,
        "v_threshold": own.v_threshold.item(),
        "v_reset": step.v_reset,
        "surrogate_function": _surrogate(step),
        "detach_reset": step.detach_reset,
        "step_mode": "m" if kind == "lif" and own.recurrent is None else "s",
    }
    node: _Aligned
    if kind == "liaf":
        node = SpikingJellyLIAF(_Activation(step), step.threshold_related, tau=tau, **shared)
    elif kind == "klif":
        node = SpikingJellyKLIF(scale_reset=step.scale_reset, tau=tau, **shared)
        assert own.k is not None
        node.k = nn.Parameter(own.k.detach().clone())
    elif learns_alpha:
        node = SpikingJellyParametricLIF(init_tau=tau, **shared)
    else:
        node = SpikingJellyLIF(tau=tau, **shared)
    node.align(own, decays)
    assert isinstance(node, nn.Module)
    return node


class _Activation:
    """The activation of a LIAF step as the function of one argument that LIAFNode wants."""

    def __init__(self, step: Step):
        self.step = step

    def __call__(self, v: Tensor) -> Tensor:
        return activate(v, self.step.output, self.step.slope)


def _surrogate(step: Step) -> nn.Module:
    makers = {
        "rect": lambda w: surrogate.Rect(alpha=0.5 / w),
        "triangle": lambda w: surrogate.PiecewiseQuadratic(alpha=1 / w),
        "sigmoid": lambda w: surrogate.Sigmoid(alpha=w),
        "atan": lambda w: surrogate.ATan(alpha=w),
    }
    return makers[step.surrogate](step.width)


def _library_beta(own: Own) -> bool:
    """Whether beta is what the library's leak towards v_reset adds anyway."""
    beta = (1 - own.alpha.detach()) * own.step.rest
    return own.beta.dim() == 0 and torch.allclose(own.beta, beta, rtol=1e-6, atol=1e-7)


def _refuse(own: Own) -> None:
    reason = None
    if own.alpha.dim() or own.v_threshold.dim():
        reason = "alpha and v_threshold are one number per layer there"
    elif own.alpha.item() == 0:
        reason = "its time constant must be above 1, so that alpha = 0 does not exist"
    elif "v_threshold" in own.learnable:
        reason = "its v_threshold is a fixed number"
    elif "alpha" in own.learnable and own.kind != "lif":
        reason = f"its {own.kind.upper()}Node has a fixed tau; only its LIF has a learnable one"
    if reason:
        raise UsageError(f"spikingjelly cannot express this {own.kind}: {reason}")
