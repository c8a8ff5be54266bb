"""Modules and operators that are one layer of neurons, whoever computes it: counted by formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from liafbench.baselines.layers import ConvLSTM
from liafbench.baselines.neurons.step import Step
from liafbench.bench.counting.formulas.synaptic import dots
from liafbench.bench.counting.operators import OPERATORS, Formula, OpCount, numel, register

NEURON, RECURRENT_NEURON = "liafbench::neuron", "liafbench::neuron_recurrent"


@dataclass(frozen=True)
class NeuronLayer:
    """A module that is one layer of neurons."""

    output_kind: str
    step: OpCount
    w_rec: Tensor | None
    batch_dims: int
    """Leading dimensions of the output that are time and batch."""

    def cost(self, shape: Sequence[int]) -> OpCount:
        """Operations of one call with outputs of `shape`."""
        updates = prod(shape)
        cost = self.step.times(updates) + OpCount(updates=updates)
        return cost if self.w_rec is None else cost + recurrent_products(shape)


def step_cost(
    *,
    leak: bool = True,
    offset: bool = True,
    gain: bool = False,
    reset: bool = True,
    output: str = "spike",
    threshold_related: bool = False,
    scale_reset: bool = False,
    klif: bool = False,
) -> OpCount:
    """Operations of one step of one neuron, apart from `updates`; it pays for what it does.

    alpha*R where it leaks, + beta where that is an offset, + X, a gain, the comparison with the
    threshold, and the reset (a selection, or a conditional subtraction). KLIF multiplies by k,
    rectifies, and divides by k where it scales its reset; LIAF puts its activation, and the
    threshold's subtraction where it is threshold related.
    """
    cost = OpCount(
        additions=1 + int(offset),
        multiplications=int(leak) + int(gain),
        others=1 + int(reset),
    )
    if klif:
        cost += OpCount(multiplications=1 + int(scale_reset), others=1)
    if output in ("spike", "identity"):
        return cost + OpCount(additions=int(threshold_related and output == "identity"))
    activation, x = OPERATORS[output].formula, torch.empty(())
    assert activation is not None
    return cost + activation([x], [x]) + OpCount(additions=int(threshold_related))


def cost_of(step: Step, constants: Mapping[str, float]) -> OpCount:
    """The same for a step of this suite's neurons; `constants`: alpha and beta if not learnt."""
    return step_cost(
        leak=constants.get("alpha") != 1,
        offset=constants.get("beta") != 0,
        gain=step.gain != 1,
        output=step.output,
        threshold_related=step.threshold_related,
        scale_reset=step.scale_reset,
        klif=step.klif,
    )


def neuron_layer(module: nn.Module) -> NeuronLayer | None:
    """The declaration of a neuron module of this suite or of a library, or None."""
    step: Any = getattr(module, "step", None)
    kind = getattr(module, "output_kind", None)
    if kind is not None and hasattr(step, "threshold_related"):
        cost = cost_of(step, getattr(module, "constants", {}))
        return NeuronLayer(kind, cost, getattr(module, "w_rec", None), batch_dims=2)
    return _spikingjelly(module) or _snntorch(module)


def is_recurrent_map(module: nn.Module) -> bool:
    """A module whose outputs [T, B, ...] are the states of recurrent units written in operators."""
    return isinstance(module, ConvLSTM)


def _ancestors(module: nn.Module, package: str) -> set[str]:
    return {c.__name__ for c in type(module).__mro__ if c.__module__.startswith(package)}


def _spikingjelly(module: nn.Module) -> NeuronLayer | None:
    """spikingjelly's IF, LIF, PLIF, KLIF and LIAF nodes, found by ancestry, subclasses too."""
    names = _ancestors(module, "spikingjelly.")
    known = names & {"IFNode", "LIFNode", "ParametricLIFNode", "KLIFNode", "LIAFNode"}
    if not known:
        return None
    analog = "LIAFNode" in known
    leaky = known != {"IFNode"}
    step = step_cost(
        leak=leaky,
        offset=leaky and bool(module.v_reset),
        gain=bool(getattr(module, "decay_input", False)) and leaky,
        output="relu" if analog else "spike",
        threshold_related=bool(getattr(module, "threshold_related", False)),
        scale_reset=bool(getattr(module, "scale_reset", False)),
        klif="KLIFNode" in known,
    )
    batch_dims = 2 if module.step_mode == "m" else 1
    return NeuronLayer("analog" if analog else "spikes", step, None, batch_dims)


def _snntorch(module: nn.Module) -> NeuronLayer | None:
    """snntorch's Leaky."""
    if "Leaky" not in _ancestors(module, "snntorch."):
        return None
    step = step_cost(offset=False, reset=module.reset_mechanism != "none")
    return NeuronLayer("spikes", step, None, batch_dims=1)


def _neuron(recurrent: bool) -> Formula:
    """Our fused operators; see `liafbench.baselines.neurons.operators` for their arguments."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        x, step = args[0], Step.read(args[-1])
        pair = zip(("alpha", "beta"), args[2:4] if recurrent else args[1:3], strict=True)
        constants = {name: value.item() for name, value in pair if _is_number(value)}
        cost = cost_of(step, constants).times(numel(x)) + OpCount(updates=numel(x))
        return cost + recurrent_products(x.shape) if recurrent else cost

    return formula


def _is_number(value: Any) -> bool:
    """Whether an argument is a tensor of one value that is not learnt."""
    fixed = isinstance(value, Tensor) and not isinstance(value, nn.Parameter)
    return fixed and value.dim() == 0 and not value.is_meta


def recurrent_products(shape: Sequence[int]) -> OpCount:
    """W_rec Y[t-1] of currents [T, B, N], the first step included, and joining it to them."""
    states = prod(shape)
    return dots(states, shape[-1]) + OpCount(additions=states)


register(NEURON, _neuron(recurrent=False), sort="neuron")
register(RECURRENT_NEURON, _neuron(recurrent=True), sort="neuron")
