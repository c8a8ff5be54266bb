"""Every neuron of the spiking libraries against its connections."""

from __future__ import annotations

from typing import Any

import pytest
import snntorch
import torch
from spikingjelly.activation_based import neuron as sj
from spikingjelly.activation_based import surrogate
from support.library_census import differences, expected
from support.library_drives import passed, steps, whole
from support.library_nets import Between, currents, library
from support.library_neurons import BATCH, OUTPUTS, SEEDS, STEPS, UNITS, WHERE, cases
from torch import Tensor, nn

from liafbench.bench.counting import count

UPDATES = STEPS * BATCH * UNITS

KNOWN = {
    "spikingjelly": """IFNode LIFNode ParametricLIFNode KLIFNode LIAFNode QIFNode EIFNode PSN
        IzhikevichNode MaskedPSN SlidingPSN GatedLIFNode CUBALIFNode RAFNode MPBNLIFNode
        TernaryIFNode TernaryLIFNode ILCIFNode ILIFNode STBIFNode NoisyCUBALIFNode FlexSN""",
    "snntorch": """Leaky Synaptic Alpha RLeaky RSynaptic Lapicque SLSTM SConv2dLSTM LeakyParallel
        StateLeaky LinearLeaky DeltaLeaky""",
    "norse": """LIF LIFCell LIFRecurrent LIFRefracCell LSNN LSNNRecurrentCell Izhikevich LIFAdEx
        LIFBoxCell LIFExCell LIFMCRecurrentCell CobaLIFCell LI IAF""",
    "sinabs": "IAF LIF ALIF ExpLeak LIFRecurrent ALIFRecurrent LIFSqueeze IAFSqueeze",
}
"""What a walk through a library has to find, in at least one form that runs."""


@pytest.mark.parametrize("name", WHERE)
def test_every_neuron(name: str) -> None:
    """No count is wrong, at most 5 in 100 are refused, and every spiking neuron spikes."""
    library(name)
    found, _ = cases(name)
    assert set(KNOWN[name].split()) <= {case.neuron.__name__ for case in found}
    results = {(c.name, s): differences(c, s) for c in found for s in SEEDS}
    refused = {key: why["refused"] for key, why in results.items() if "refused" in why}
    assert {k: why for k, why in results.items() if why and k not in refused} == {}
    assert len(refused) <= 0.05 * len(results), refused
    for case in found:
        assert any(expected(case, seed)[1].any() for seed in SEEDS), f"{case.name} shows nothing"


# Synapses inside neurons ---------------------------------------------------------------------


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("name", ["RLeaky", "RSynaptic"])
def test_recurrent_spikes_are_accumulated(name: str, kept: bool) -> None:
    """Each spike reaches every unit at the next step; nothing does before the first one."""
    make = getattr(snntorch, name)
    decays = (0.8,) if name == "RLeaky" else (0.9, 0.8)
    torch.manual_seed(1)
    unit = make(*decays, linear_features=UNITS, init_hidden=kept)
    net = Between(unit, steps if kept else passed)
    counts = count(net, currents())
    net(currents())
    assert net.shown[:-1].sum() > 0
    inner = counts.by_layer.loc["unit.recurrent"]
    assert (inner["ac"], inner["mac_effective"]) == (UNITS * int(net.shown[:-1].sum()), 0)
    assert (inner["mac_dense"], inner["weights"]) == (UNITS * UPDATES, UNITS**2)
    assert (counts.neurons, counts.neuron_updates) == (UNITS, UPDATES)


def test_recurrent_cells_of_norse() -> None:
    """Currents in, spikes back, no connection of a unit with itself."""
    torch.manual_seed(1)
    unit = library("norse").LIFRecurrent(UNITS, UNITS)
    net = Between(unit, whole)
    x = 50 * currents()
    counts = count(net, x)
    net(x)
    assert net.shown[:-1].sum() > 0
    inner = counts.by_layer.loc["unit"]
    assert inner["ac"] == (UNITS - 1) * int(net.shown[:-1].sum())
    assert inner["mac_effective"] == UNITS * UPDATES
    assert inner["synapses"] == UNITS * UNITS + UNITS * (UNITS - 1)


def test_states_of_a_gated_neuron_count_dense() -> None:
    """SLSTM: an LSTM of which spikes are read; its units are the layer's."""
    torch.manual_seed(1)
    net = Between(snntorch.SLSTM(UNITS, UNITS, threshold=0.1), passed)
    counts = count(net, currents())
    inner = counts.by_layer.loc["unit.lstm_cell"]
    assert inner["mac_dense"] == inner["mac_effective"] == 2 * 4 * UNITS * UPDATES
    assert (counts.neurons, counts.neuron_updates) == (UNITS, UPDATES)


# What neurons put out ------------------------------------------------------------------------

SURROGATES = [
    found
    for found in vars(surrogate).values()
    if isinstance(found, type)
    and issubclass(found, surrogate.SurrogateFunctionBase)
    and found is not surrogate.SurrogateFunctionBase
    and found.__name__ != "PoissonPass"  # draws from currents that are probabilities
]


@pytest.mark.parametrize("function", SURROGATES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("mode", ["s", "m"])
def test_surrogates_of_spikingjelly(function: Any, mode: str) -> None:
    """Whatever the derivative, the output is a comparison: spikes, unless it has levels."""
    levels = {"MultiLevelSpikeCount": (4,)}
    unit = sj.IFNode(
        surrogate_function=function(*levels.get(function.__name__, ())), step_mode=mode
    )
    counts = count(net := Between(unit, whole if mode == "m" else steps), currents())
    net(currents())
    spikes = bool(torch.isin(net.shown, torch.tensor([0.0, 1.0])).all())
    sent = OUTPUTS * int((net.shown != 0).sum())
    last = counts.by_layer.loc["b"]
    assert (last["ac"], last["mac_effective"]) == ((sent, 0) if spikes else (0, sent))
    assert sent > 0


def test_a_surrogate_without_spikes_is_analog() -> None:
    """set_spiking_mode(False): the sigmoid itself is put out, and paid for."""
    unit = sj.IFNode(surrogate_function=surrogate.Sigmoid(spiking=False))
    counts = count(Between(unit, steps), currents())
    last = counts.by_layer.loc["b"]
    assert (last["ac"], last["mac_effective"]) == (0, OUTPUTS * UPDATES)
    assert counts.spike_rate is None


@pytest.mark.parametrize("name", [n for n in dir(snntorch.surrogate) if n.islower()])
def test_surrogates_of_snntorch(name: str) -> None:
    make = getattr(snntorch.surrogate, name)
    if not callable(make) or getattr(make, "__module__", "") != "snntorch.surrogate":
        pytest.skip("no surrogate")
    try:
        function = make()
        torch.manual_seed(0)
        function(torch.randn(4))
    except TypeError:
        pytest.skip("asks for a forward or a backward pass of the user's")
    counts = count(net := Between(snntorch.Leaky(0.8, spike_grad=function), passed), currents())
    net(currents())
    spikes = bool(torch.isin(net.shown, torch.tensor([0.0, 1.0])).all())
    assert (counts.by_layer["ac"]["b"] > 0) == spikes


def test_state_of_an_earlier_call() -> None:
    """A net that has run is counted from the state it is in, and keeps it."""
    torch.manual_seed(1)
    net = Between(snntorch.RLeaky(0.8, linear_features=UNITS, init_hidden=True), steps)
    net.unit.threshold.fill_(0.1)
    with torch.no_grad():
        net(currents(1))
        before = net.unit.spk.clone()
        counts = count(net, currents())
        assert torch.equal(net.unit.spk, before)
        assert before.any()
        net(currents())
    sent = int(before.sum() + net.shown[:-1].sum()) * UNITS
    inner = counts.by_layer.loc["unit.recurrent"]
    assert inner["ac"] + inner["mac_effective"] == sent
    assert counts.by_layer["ac"]["b"] == OUTPUTS * int(net.shown.sum())


def test_double_precision_and_voltages_kept() -> None:
    """Where the library leaves its fused operator, nothing else is counted."""
    for unit in (sj.IFNode(step_mode="m", store_v_seq=True), sj.IFNode(step_mode="m").double()):
        net = Between(unit, whole)
        double = not getattr(unit, "store_v_seq", False)
        x = currents()
        counts = count(net.double() if double else net, x.double() if double else x)
        assert counts.elementwise == 3 * UPDATES
        assert counts.by_layer["mac_effective"]["b"] == 0


@torch.library.custom_op("counting_tests::fire", mutates_args=())
def fire(v: Tensor, threshold: float) -> Tensor:
    return (v >= threshold).to(v.dtype)


class OwnOperator(nn.Module):
    """A user's neuron with a custom operator of torch operators."""

    def forward(self, x: Tensor) -> Tensor:
        return fire(x * 0.5, 0.25)


def test_a_custom_operator_is_entered() -> None:
    net = nn.Sequential(nn.Linear(4, 3, bias=False), OwnOperator(), nn.Linear(3, 2))
    x = torch.rand(5, 4, generator=torch.Generator().manual_seed(0))
    counts = count(net, x)
    spikes = int(net[1](net[0](x)).sum())
    assert spikes > 0
    assert (counts.ac, counts.elementwise) == (2 * spikes, 2 * 15)


class Fire(torch.autograd.Function):
    """A surrogate as people write it."""

    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        ctx.save_for_backward(v)
        return (v > 0).float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (v,) = ctx.saved_tensors
        return grad / (1 + v.abs()) ** 2


class OwnNeuron(nn.Module):
    """A leaky neuron without a library: one step, or [T, B, N] at once."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, x: Tensor, v: Tensor | None = None) -> Any:
        if not self.whole:
            v = x if v is None else 0.5 * v + x
            spikes = Fire.apply(v - 1)
            return spikes, v * (1 - spikes)
        out = []
        for frame in x:
            v = frame if v is None else 0.5 * v + frame
            out.append(Fire.apply(v - 1))
            v = v * (1 - out[-1])
        return torch.stack(out)


@pytest.mark.parametrize(("unit", "drive"), [(OwnNeuron(True), whole), (OwnNeuron(False), passed)])
def test_a_neuron_of_the_users_own(unit: nn.Module, drive: Any) -> None:
    """What puts out spikes of its own comparison is a layer of neurons."""
    counts = count(net := Between(unit, drive), currents())
    net(currents())
    assert net.shown.any()
    assert counts.ac == OUTPUTS * int(net.shown.sum())
    assert (counts.neurons, counts.neuron_updates) == (UNITS, UPDATES)
    assert counts.spike_rate == pytest.approx(float(net.shown.mean()))


class Gate(nn.Module):
    """A rectifier written as a mask: no spikes leave it."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x > 0)


def test_a_mask_is_no_neuron() -> None:
    counts = count(Between(Gate(), whole), currents())
    assert (counts.neurons, counts.spike_rate) == (0, None)
