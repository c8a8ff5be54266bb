"""The neurons of snntorch (checked with 1.0.0), aligned to this suite's definition.

`Leaky` applies the reset of one step at the beginning of the next, so that the potential it
returns is U before the reset. Detached reset: reset "zero", delayed. Reset with its gradient:
reset "zero", not delayed. Its spike is strict (U > V_th) and ours is not, so that it is given
this suite's spike with this suite's surrogate derivative. gain and beta are applied to the
currents first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import snntorch
import torch
from torch import Tensor, nn

from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import KLIF, LIAF, LIF
from liafbench.baselines.neurons.activations import activate
from liafbench.baselines.neurons.modules import Neuron, check_currents
from liafbench.baselines.neurons.operators import autocast_off
from liafbench.baselines.neurons.parameters import per_channel
from liafbench.baselines.neurons.step import Step, state_dtype
from liafbench.baselines.neurons.surrogates import spike

Own = LIF | LIAF


class SnnTorchNeuron(Neuron, snntorch.Leaky):
    """snntorch's Leaky: our currents in, our outputs out, no state left behind."""

    engine = "snntorch"

    def __init__(self, own: Own):
        step = own.step
        super().__init__(
            beta=own.alpha.detach().clone(),
            threshold=own.v_threshold.detach().clone(),
            spike_grad=_spike(step),
            learn_threshold="v_threshold" in own.learnable,
            reset_mechanism="subtract" if step.v_reset is None else "zero",
            reset_delay=step.detach_reset,
        )
        # The library keeps every neuron ever made in a class attribute, alive for ever.
        snntorch.SpikingNeuron.instances.remove(self)
        for name, value in list(self.named_buffers(recurse=False)):
            delattr(self, name)
            self.register_buffer(name, value, persistent=False)
        self.kind, self.output_kind, self.step = own.kind, own.output_kind, step
        self.recurrent, self.constants = own.recurrent, own.constants
        self.register_parameter("w_rec", own.w_rec if own.recurrent else None)
        if "beta" in own.learnable:
            self.offset = nn.Parameter(own.beta.detach().clone())
        else:
            self.register_buffer("offset", own.beta, persistent=False)
        self.has_offset = "beta" in own.learnable or bool((own.beta != 0).any())

    @property
    def alpha(self) -> Tensor:
        """The leak factor, which the library calls beta."""
        return self.beta

    @property
    def v_threshold(self) -> Tensor:
        """The threshold."""
        return self.threshold

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [T, B, ...] of currents [T, B, ...]."""
        check_currents(x, self.recurrent)
        for name, value in (("alpha", self.alpha), ("v_threshold", self.v_threshold)):
            if per_channel(value, x, name).shape != value.shape:
                raise UsageError(f"snntorch needs {name} shaped like a channel: [C, 1, 1]")
        with autocast_off(x):
            y = self._run(self._drive(x.to(state_dtype(x.dtype)))).to(x.dtype)
        self.reset_mem()
        return y

    def _drive(self, x: Tensor) -> Tensor:
        x = x if self.step.gain == 1 else x * self.step.gain
        return x + per_channel(self.offset, x, "beta") if self.has_offset else x

    def _run(self, drive: Tensor) -> Tensor:
        outputs: list[Tensor] = []
        u = torch.zeros_like(drive[0])
        for current in drive.unbind(0):
            if self.w_rec is not None and outputs:
                current = current + outputs[-1] @ self.w_rec.to(current.dtype).T
            spikes, u = super().forward(current, u)
            outputs.append(spikes if self.kind == "lif" else self._show(u))
        return torch.stack(outputs)

    def _show(self, u: Tensor) -> Tensor:
        v = u - self.threshold if self.step.threshold_related else u
        return activate(v, self.step.output, self.step.slope)


def make(kind: str, **settings: Any) -> nn.Module:
    """A neuron of `kind` from snntorch; UsageError with the reason where it has none."""
    if kind == "klif":
        KLIF(**settings)
        raise UsageError("snntorch cannot express this klif: it has no such neuron")
    own: Own = {"lif": LIF, "liaf": LIAF}[kind](**settings)
    reason = _reason(own)
    if reason:
        raise UsageError(f"snntorch cannot express this {kind}: {reason}")
    return SnnTorchNeuron(own)


def _spike(step: Step) -> Callable[[Tensor], Tensor]:
    def fire(u: Tensor) -> Tensor:
        return spike(u, step.surrogate, step.width)

    return fire


def _reason(own: Own) -> str | None:
    step = own.step
    if "alpha" in own.learnable:
        return "its learnable beta is clamped, where ours is the sigmoid of a logit"
    if step.v_reset is not None and step.v_reset != 0:
        return "its hard reset goes to 0"
    if step.v_reset is None and not bool((own.alpha == 1).all()):
        return "it subtracts the threshold after the leak, which agrees for alpha = 1 only"
    if step.v_reset is None and not step.detach_reset:
        return "its soft reset is detached in the form that subtracts once per spike"
    if own.kind == "liaf" and not step.detach_reset:
        return "it shows the potential before the reset only where the reset is detached"
    return None
