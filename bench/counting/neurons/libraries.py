"""Neurons of other libraries: how they are recognised, and what a step of the plain ones costs.

A neuron with a plain equation costs that equation, whatever operators the library spells it in;
any other one costs the operators that it runs. Classes are found by name: no library is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from liafbench.bench.counting.formulas.neurons import always, step_cost
from liafbench.bench.counting.operators import OpCount
from liafbench.bench.counting.tensor_info import ANALOG, SPIKES, Kind

StepRule = Callable[[Any, Kind], "OpCount | None"]
"""From a module and the kind of its outputs to one step of one neuron; None: by its operators."""

CURRENT = OpCount(additions=1, multiplications=1)
"""A synaptic current: it decays, and the input joins it."""
JOIN = OpCount(additions=1)
FLOOR = OpCount(others=1)
"""A lower bound of the potential."""


@dataclass(frozen=True)
class Library:
    """`package` defines the neurons: what derives from one of `bases`, or from any class there.

    `batch_dims`: leading dimensions of the outputs that are time and batch. `kept`: whether all
    buffers are states, or those that are not saved.
    """

    package: str
    batch_dims: Callable[[Any], int]
    steps: dict[str, StepRule]
    bases: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    all_buffers: bool = False

    def base(self, module: nn.Module) -> type | None:
        """The most derived class of this library that makes the module a neuron, or None."""
        classes = [c for c in type(module).__mro__ if c.__module__.startswith(self.package)]
        names = {c.__name__ for c in classes}
        if not classes or names & self.others or (self.bases and not names & self.bases):
            return None
        return classes[0]


# spikingjelly --------------------------------------------------------------------------------


def _integrate(module: Any, kind: Kind) -> OpCount | None:
    return step_cost(leak=False, offset=False) if kind == SPIKES else None


def _leaky(module: Any, kind: Kind) -> OpCount | None:
    """LIF, KLIF and LIAF; LIAF's multi-step form emits its spikes."""
    act = getattr(module, "act", None)
    if kind == SPIKES:
        act = None
    elif type(act) is not nn.ReLU:
        return None
    return step_cost(
        offset=not always(module.v_reset or 0, 0),
        gain=module.decay_input,
        output="relu" if act else "spike",
        threshold_related=bool(act) and module.threshold_related,
        klif=hasattr(module, "scale_reset"),
        scale_reset=getattr(module, "scale_reset", False),
    )


def _current_based(module: Any, kind: Kind) -> OpCount | None:
    return CURRENT + step_cost(offset=False) if kind == SPIKES else None


def _sequence_or_step(module: Any) -> int:
    return 2 if module.supported_step_mode() == ("m",) or module.step_mode == "m" else 1


_SPIKINGJELLY = Library(
    "spikingjelly.activation_based.neuron.",
    _sequence_or_step,
    {
        **dict.fromkeys(("SimpleIFNode", "IFNode", "HalfThresholdIFNode"), _integrate),
        **dict.fromkeys(("SimpleLIFNode", "LIFNode", "ParametricLIFNode"), _leaky),
        **dict.fromkeys(("KLIFNode", "LIAFNode"), _leaky),
        "CUBALIFNode": _current_based,
    },
)


# snntorch ------------------------------------------------------------------------------------


def _reset_once(module: Any) -> OpCount:
    leaks = not always(module.beta, 1)
    return step_cost(leak=leaks, offset=False, reset=module.reset_mechanism != "none")


def _leaky_current(module: Any) -> OpCount:
    current = JOIN if always(module.alpha, 1) else CURRENT
    return current + _reset_once(module)


def _scaled_input(module: Any) -> OpCount:
    return OpCount(multiplications=1) + step_cost(
        offset=False, reset=module.reset_mechanism != "none"
    )


def _two_currents(module: Any) -> OpCount:
    """+ X into one, - X into the other; their sum times a constant; the reset is of all three."""
    resets = 0 if module.reset_mechanism == "none" else 3
    return CURRENT + CURRENT + OpCount(additions=1, multiplications=1, others=1 + resets)


def _snntorch(equation: Callable[[Any], OpCount], recurrent: bool = False) -> StepRule:
    def step(module: Any, kind: Kind) -> OpCount | None:
        if kind == ANALOG or module.state_quant or module.inhibition:
            return None
        cost = equation(module)
        if recurrent:
            weighted = not module.all_to_all and not always(module.V, 1)
            cost += JOIN + OpCount(multiplications=int(weighted))
        return cost + OpCount(multiplications=int(not always(module.graded_spikes_factor, 1)))

    return step


_SNNTORCH = Library(
    "snntorch._neurons.",
    lambda m: 2 if type(m).__name__ in ("LeakyParallel", "StateLeaky", "LinearLeaky") else 1,
    {
        "Leaky": _snntorch(_reset_once),
        "Lapicque": _snntorch(_scaled_input),
        "Synaptic": _snntorch(_leaky_current),
        "Alpha": _snntorch(_two_currents),
        "RLeaky": _snntorch(_reset_once, recurrent=True),
        "RSynaptic": _snntorch(_leaky_current, recurrent=True),
    },
    others=frozenset({"AssociativeLeaky"}),  # projections and a product around its neurons
)


# norse ---------------------------------------------------------------------------------------


def _norse(
    extra: OpCount, leak: bool = True, fires: bool = True, recurrent: bool = False
) -> StepRule:
    def step(module: Any, kind: Kind) -> OpCount | None:
        if kind != (SPIKES if fires else ANALOG):
            return None
        offset = leak and not always(module.p.v_leak, 0)
        cost = extra + step_cost(leak=leak, gain=leak, offset=offset, reset=fires)
        cost += OpCount(others=-int(not fires))
        return cost + JOIN if recurrent else cost

    return step


_NOTHING = OpCount()
_NORSE_STEPS = {
    "iaf_feed_forward_step": _norse(_NOTHING, leak=False),
    "lif_feed_forward_step": _norse(CURRENT),
    "lif_step": _norse(CURRENT, recurrent=True),
    "lif_box_feed_forward_step": _norse(_NOTHING),
    "li_feed_forward_step": _norse(CURRENT, fires=False),
    "li_box_feed_forward_step": _norse(_NOTHING, fires=False),
}
"""By the function that a wrapper of norse calls in every step."""


def _norse_step(module: Any, kind: Kind) -> OpCount | None:
    called = module.activation
    step = _NORSE_STEPS.get(getattr(called, "__name__", ""))
    known = called.__module__.startswith("norse.torch.functional.")
    return step(module, kind) if step and known else None


_NORSE = Library(
    "norse.torch.module.",
    lambda m: 2 if {c.__name__ for c in type(m).__mro__} & {"SNN", "SNNRecurrent"} else 1,
    dict.fromkeys(
        (
            *("LIFCell", "LIF", "LIFRecurrentCell", "LIFRecurrent", "IAFCell", "IAF"),
            *("LIFBoxCell", "LICell", "LI", "LIBoxCell"),
        ),
        _norse_step,
    ),
    bases=frozenset(
        {
            *("SNNCell", "SNN", "SNNRecurrentCell", "SNNRecurrent"),
            *("CobaLIFCell", "LIFCorrelation", "LILinearCell"),
        }
    ),
)


# sinabs --------------------------------------------------------------------------------------

_FIRED = {
    # a comparison; a reset
    "SingleSpike": OpCount(others=2),
    # v / threshold, truncated, none below zero; as many thresholds taken off
    "MultiSpike": OpCount(additions=1, multiplications=2, others=2),
}


def _charged(module: Any) -> OpCount:
    leaks = int(not always(module.alpha_mem_calculated, 1))
    cost = JOIN + OpCount(multiplications=leaks + int(module.norm_input))
    cost = cost + CURRENT if module.alpha_syn_calculated is not None else cost
    return cost if module.min_v_mem is None else cost + FLOOR


def _sinabs(recurrent: bool = False) -> StepRule:
    def step(module: Any, kind: Kind) -> OpCount | None:
        fired = _FIRED.get(getattr(module.spike_fn, "__name__", ""))
        reset = type(module.reset_fn).__name__ in ("MembraneSubtract", "MembraneReset")
        if fired is None or not reset:
            return None
        cost = _charged(module) + fired
        return cost + JOIN if recurrent else cost

    return step


_SINABS = Library(
    "sinabs.layers.",
    lambda m: 1 if type(m).__name__.endswith("Squeeze") else 2,
    {
        **dict.fromkeys(("IAF", "IAFSqueeze", "LIF", "LIFSqueeze"), _sinabs()),
        **dict.fromkeys(("IAFRecurrent", "LIFRecurrent"), _sinabs(recurrent=True)),
        **dict.fromkeys(("ExpLeak", "ExpLeakSqueeze"), lambda module, _: _charged(module)),
    },
    bases=frozenset({"StatefulLayer"}),
    all_buffers=True,
)

LIBRARIES = (_SPIKINGJELLY, _SNNTORCH, _NORSE, _SINABS)
