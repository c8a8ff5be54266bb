"""What a step of a neuron costs, whoever computes it, and the fused operators of this suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from liafbench.baselines.neurons.step import Step
from liafbench.bench.counting.formulas.synaptic import dots
from liafbench.bench.counting.operators import OPERATORS, Formula, OpCount, numel, register

NEURON, RECURRENT_NEURON = "liafbench::neuron", "liafbench::neuron_recurrent"


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


def always(value: Any, number: float) -> bool:
    """Whether a value is this number, and none that is learnt or that shapes alone leave open."""
    if isinstance(value, Tensor):
        return not (value.requires_grad or value.is_meta) and bool((value == number).all())
    return bool(value == number)


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
