"""What a step of a neuron and of a recurrent unit costs, whoever computes it."""

from __future__ import annotations

from liafbench.baselines.neurons.step import Step
from liafbench.bench.counting.pointwise import PER_ELEMENT
from liafbench.bench.counting.tally import Tally


def step_cost(
    gain: float,
    v_reset: float | None,
    output: str,
    threshold_related: bool,
    scale_reset: bool,
    klif: bool,
) -> Tally:
    """Operations of one step of one neuron, apart from `updates`.

    alpha*R, + X, the comparison with the threshold, and the reset (a selection, or a conditional
    subtraction) are in every one. A hard reset adds beta, which is 0 with a soft one; a gain
    other than 1 multiplies; KLIF multiplies by k, rectifies, and divides by k where it scales its
    reset; LIAF puts its activation, and the threshold's subtraction where it is threshold related.
    """
    cost = Tally(additions=1, multiplications=1, others=2)
    cost += Tally(additions=int(v_reset is not None), multiplications=int(gain != 1))
    if klif:
        cost += Tally(multiplications=1 + int(scale_reset), others=1)
    if output in ("spike", "identity"):
        return cost + Tally(additions=int(threshold_related and output == "identity"))
    return cost + PER_ELEMENT[output] + Tally(additions=int(threshold_related))


def cost_of(step: Step) -> Tally:
    """The same for a step of this suite's neurons."""
    return step_cost(
        step.gain,
        step.v_reset,
        step.output,
        step.threshold_related,
        step.scale_reset,
        step.klif,
    )


UNIT_COST: dict[str, Tally] = {
    # 4 joins of W_ih x and W_hh h, f*c + i*g, o*tanh(c); 3 sigmoids, 2 tanh
    "lstm": Tally(additions=5, multiplications=3, others=5),
    # 3 joins, r*n, n + z*(h - n); 2 sigmoids, 1 tanh
    "gru": Tally(additions=5, multiplications=2, others=3),
    "rnn_tanh": Tally(additions=1, others=1),
    "rnn_relu": Tally(additions=1, others=1),
}
"""Operations of one step of one recurrent unit, with its gates."""

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}

STATES = {"lstm": 2, "gru": 1, "rnn_tanh": 1, "rnn_relu": 1}
"""Numbers that a unit carries from one step to the next."""
