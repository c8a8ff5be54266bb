"""What a step of a plain neuron costs, by hand; and what subclasses of it change."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import snntorch
import torch
from spikingjelly.activation_based import neuron as sj
from support.library_drives import batch_first, passed, steps, whole
from support.library_nets import Between, Driven, currents, library
from support.library_neurons import BATCH, STEPS, UNITS
from torch import Tensor, nn

from liafbench.baselines.engines import make_neuron
from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import LIF
from liafbench.bench.counting import UncountableError, count

UPDATES = STEPS * BATCH * UNITS


def step_cost(unit: nn.Module, drive: Callable[[nn.Module, Tensor], Tensor]) -> float:
    """Elementwise operations of one step of one unit."""
    torch.manual_seed(0)
    counts = count(Driven(unit, drive), 3 * torch.randn(STEPS, BATCH, UNITS))
    assert (counts.neurons, counts.neuron_updates) == (UNITS, UPDATES)
    return counts.elementwise / UPDATES


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize(
    ("make", "cost"),
    [
        (sj.IFNode, 3),  # + X; >=; reset
        (lambda **m: sj.IFNode(v_reset=None, **m), 3),
        (lambda **m: sj.IFNode(v_reset=0.5, **m), 3),
        (lambda **m: sj.LIFNode(decay_input=False, **m), 4),  # * alpha, + X; >=; reset
        (sj.LIFNode, 5),  # * alpha, X / tau, +; >=; reset
        (lambda **m: sj.LIFNode(v_reset=None, **m), 5),
        (lambda **m: sj.LIFNode(v_reset=0.5, **m), 6),  # + v_reset / tau
        (sj.ParametricLIFNode, 5),
        (lambda **m: sj.ParametricLIFNode(decay_input=False, **m), 4),
        (sj.KLIFNode, 7),  # k * H, ReLU
        (lambda **m: sj.KLIFNode(scale_reset=True, **m), 8),
        (lambda **m: sj.SimpleLIFNode(2.0, True, **m), 5),
        (sj.CUBALIFNode, 6),  # current: * decay, + X; potential: * decay, +; >=; reset
        # (v - rest) and its square's other factor, their product, a0 = 1, + X, / tau, + v; with
        # the spike's threshold taken off, >= and a reset in four operators
        (sj.QIFNode, 12),
    ],
)
def test_steps_of_spikingjelly(make: Any, mode: str, cost: float) -> None:
    unit = make()
    unit.step_mode = mode
    assert step_cost(unit, whole if mode == "m" else steps) == cost


@pytest.mark.parametrize(
    ("unit", "cost"),
    [
        (snntorch.Leaky(0.8), 4),  # * beta, + X; >; reset
        (snntorch.Leaky(0.8, reset_mechanism="zero"), 4),
        (snntorch.Leaky(0.8, reset_mechanism="none"), 3),
        (snntorch.Leaky(0.8, reset_delay=False), 4),
        (snntorch.Leaky(1.0), 3),
        (snntorch.Leaky(1.0, learn_beta=True), 4),
        (snntorch.Leaky(0.8, graded_spikes_factor=2.0), 5),
        (snntorch.Synaptic(0.9, 0.8), 6),  # * alpha, + X; * beta, + I; >; reset
        (snntorch.Synaptic(0.9, 0.8, reset_mechanism="none"), 5),
        # two currents * decay, + X and - X; their sum, * tau; >; all three reset
        (snntorch.Alpha(0.9, 0.8), 10),
        (snntorch.Lapicque(0.8), 5),  # X / C, * decay, +; >; reset
        (snntorch.RLeaky(0.8, linear_features=UNITS), 5),  # + W s
        (snntorch.RLeaky(0.8, all_to_all=False, V=0.5), 6),  # V * s, + V s
        (snntorch.RSynaptic(0.9, 0.8, linear_features=UNITS), 7),
    ],
)
def test_steps_of_snntorch(unit: nn.Module, cost: float) -> None:
    assert step_cost(unit, passed) == cost


@pytest.mark.parametrize(
    ("name", "drive", "cost"),
    [
        ("IAF", whole, 3),
        ("LIF", whole, 7),  # current: + X, * decay; potential: * leak, gain * I, +; >; reset
        ("LIFCell", passed, 7),
        ("LIFBoxCell", passed, 5),  # * leak, gain * X, +; >; reset
        ("LI", whole, 5),  # no spike, no reset
        ("LIBoxCell", passed, 3),
    ],
)
def test_steps_of_norse(name: str, drive: Any, cost: float) -> None:
    assert step_cost(getattr(library("norse"), name)(), drive) == cost


@pytest.mark.parametrize(
    ("name", "settings", "cost"),
    [
        ("IAF", {"spike_fn": "SingleSpike"}, 3),
        ("LIF", {"tau_mem": 5.0, "spike_fn": "SingleSpike", "norm_input": False}, 4),
        ("LIF", {"tau_mem": 5.0, "spike_fn": "SingleSpike"}, 5),  # (1 - alpha) * X
        ("LIF", {"tau_mem": 5.0, "tau_syn": 5.0, "spike_fn": "SingleSpike"}, 7),
        # v / threshold, truncated, none below 0; as many thresholds, taken off
        ("LIF", {"tau_mem": 5.0}, 8),
        ("LIF", {"tau_mem": 5.0, "min_v_mem": -1.0}, 9),
        ("ExpLeak", {"tau_mem": 5.0}, 2),
    ],
)
def test_steps_of_sinabs(name: str, settings: dict[str, Any], cost: float) -> None:
    neurons = library("sinabs")
    activations = importlib.import_module("sinabs.activation")
    if "spike_fn" in settings:
        settings = settings | {"spike_fn": getattr(activations, settings["spike_fn"])}
    assert step_cost(getattr(neurons, name)(**settings), batch_first) == cost


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": 0.5},
        {"alpha": 1.0, "v_reset": None},
        {"alpha": 0.5, "v_reset": 0.0, "beta": 0.3},
        {"alpha": 0.5, "gain": 0.5},
        {"tau": 2.0, "decay_input": True},
    ],
    ids=str,
)
def test_engines_cost_the_same(settings: dict[str, Any]) -> None:
    costs = {}
    for engine in ("native", "reference", "spikingjelly", "snntorch"):
        try:
            unit = make_neuron(engine, "lif", detach_reset=True, **settings)
        except UsageError:  # the engine cannot express it
            continue
        costs[engine] = step_cost(unit, whole)
    assert len(costs) >= 3
    assert len(set(costs.values())) == 1, costs


def test_a_parallel_neuron_multiplies_over_time() -> None:
    """PSN: T x T weights on analog currents, then one comparison; a bias costs nothing."""
    x = torch.randn(STEPS, BATCH, UNITS)
    counts = count(sj.PSN(STEPS), x)
    assert (counts.mac_dense, counts.mac_effective, counts.ac) == (STEPS * UPDATES,) * 2 + (0,)
    assert (counts.elementwise, counts.weights, counts.neurons) == (UPDATES, STEPS**2, UNITS)


# Subclasses ----------------------------------------------------------------------------------


class Mixing(LIF):
    """Mixes its currents first."""

    def __init__(self) -> None:
        super().__init__(alpha=0.5, v_threshold=0.1)
        self.w = nn.Linear(UNITS, UNITS, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.w(x))


class Lateral(sj.LIFNode):
    """Sends its currents through a matrix in every step."""

    def __init__(self) -> None:
        super().__init__(v_threshold=0.1)
        self.w = nn.Linear(UNITS, UNITS, bias=False)

    def single_step_functional_forward(self, inputs: Any, states: Any, **kwargs: Any) -> Any:
        return super().single_step_functional_forward((self.w(inputs[0]),), states, **kwargs)


class Squared(sj.SimpleIFNode):
    """v + X * X: one product more."""

    def neuronal_charge(self, x: Tensor) -> None:
        self.v = self.v + x * x


class Renamed(sj.LIFNode):
    """The same neuron by another name."""

    def __init__(self) -> None:
        super().__init__(tau=3.0)
        self.note = "mine"


@pytest.mark.parametrize(("make", "drive"), [(Mixing, whole), (Lateral, steps)])
def test_a_subclass_with_synapses(make: Any, drive: Any) -> None:
    counts = count(Between(make(), drive), currents()[:, :1])
    assert (counts.mac_dense, counts.weights) == (STEPS * (30 + 36 + 18), 30 + 36 + 18)
    assert counts.by_layer["mac_effective"]["unit.w"] == STEPS * 36
    assert counts.neurons == UNITS


def test_a_subclass_pays_for_the_charge_it_changes() -> None:
    """v + X * X; - threshold, >=; spike * v_reset + (1 - spike) * v: by its operators."""
    assert step_cost(Squared(), steps) == 2 + 2 + 4
    assert step_cost(Renamed(), steps) == step_cost(sj.LIFNode(tau=3.0), steps) == 5


def test_a_method_replaced_on_the_neuron_itself() -> None:
    unit = sj.SimpleIFNode()
    unit.neuronal_reset = lambda spike: None  # type: ignore[method-assign]
    assert step_cost(unit, steps) == 1 + 2


@pytest.mark.parametrize("mode", ["s", "m"])
def test_shapes_alone(mode: str) -> None:
    """A plain neuron has its formula; what only operators tell is refused in one line."""
    x = torch.empty(STEPS, BATCH, 5, device="meta")
    drive = whole if mode == "m" else steps
    counts = count(Between(sj.LIFNode(step_mode=mode), drive), x)
    assert (counts.mac_dense, counts.ac) == (STEPS * BATCH * (30 + 18), None)
    assert (counts.elementwise, counts.neurons) == (5 * UPDATES, UNITS)
    with pytest.raises(UncountableError, match=r"sj_qif::forward.*count it on tensors with values"):
        count(Between(sj.QIFNode(step_mode=mode), drive), x)
