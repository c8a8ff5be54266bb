"""What goes wrong in a spiking layer is noticed, and named by layer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from liafbench.baselines.engines import make_neuron
from liafbench.baselines.neurons import KLIF, LIAF, LIF
from liafbench.bench.training.health import Finding, Health


def watched(net: nn.Module, x: torch.Tensor) -> Health:
    with Health(net) as health:
        net(x)
    return health


def test_a_healthy_layer_has_no_findings_and_the_rate_counted_by_hand() -> None:
    # alpha 0: a spike wherever the current reaches the threshold; 3 of 8.
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.5, 0.0], [0.0, 1.5]])
    health = watched(nn.Sequential(LIF(alpha=0.0)), x)
    assert health.findings() == []
    assert health.spike_rates() == {"0": 3 / 8}


@pytest.mark.parametrize(("current", "what"), [(0.0, "silent"), (9.0, "saturated")])
def test_a_rate_of_zero_or_one_is_found(current: float, what: str) -> None:
    health = watched(nn.Sequential(nn.Identity(), LIF()), torch.full((3, 2, 4), current))
    rate = 0.0 if what == "silent" else 1.0
    assert health.findings() == [Finding("1", what, rate)]
    assert health.spike_rates() == {"1": rate}


def test_an_analog_layer_that_shows_nothing_is_silent_and_one_that_shows_all_is_fine() -> None:
    assert watched(LIAF(), torch.full((3, 2), -1.0)).findings() == [Finding("LIAF", "silent", 0.0)]
    health = watched(LIAF(), torch.full((3, 2), 1.0))
    assert health.findings() == []
    assert health.spike_rates() == {}


@pytest.mark.parametrize("engine", ["native", "reference", "spikingjelly"])
@pytest.mark.parametrize(
    ("k", "scale_reset", "expected"),
    [
        (-0.5, False, ["silent", "k <= 0"]),
        (2.5, False, ["k*alpha > 1"]),
        (2.5, True, []),
        (1.9, False, []),
    ],
)
def test_a_k_that_kills_or_explodes_is_found(
    engine: str, k: float, scale_reset: bool, expected: list[str]
) -> None:
    # tau 2, so that k*(1 - 1/tau) > 1 from k = 2 on.
    net = make_neuron(engine, "klif", k=k, tau=2.0, scale_reset=scale_reset)
    health = watched(net, torch.tensor([[0.5, 1.0, 2.0]]).T)
    assert [finding.what for finding in health.findings()] == expected


def test_a_k_that_recovers_is_remembered() -> None:
    net = KLIF(k=-1.0)
    x = torch.ones(2, 3)
    with Health(net) as health:
        net(x)
        net.k.data.fill_(1.0)
        net(4 * x)
    assert ("k <= 0", -1.0) in [(f.what, f.value) for f in health.findings()]


def test_a_nan_hidden_by_spikes_is_found_with_its_share() -> None:
    x = torch.ones(2, 4)
    x[0, 1] = math.nan
    findings = watched(LIF(), x).findings()
    assert ("not finite", pytest.approx(1 / 8)) in [(f.what, f.value) for f in findings]


def test_rates_are_those_of_the_latest_evaluation() -> None:
    net = LIF(alpha=0.0)
    with Health(net) as health:
        net.train()
        net(torch.full((2, 2), 5.0))
        assert health.spike_rates() == {"LIF": 1.0}
        net.eval()
        net(torch.tensor([[5.0, 0.0]]))
        net(torch.tensor([[0.0, 0.0]]))
        assert health.spike_rates() == {"LIF": 0.25}
        net.train()
        net(torch.zeros(2, 2))  # the 2nd training call: measured, and a new window
        assert health.spike_rates() == {"LIF": 0.0}


def test_nothing_is_watched_after_closing_and_the_outputs_are_untouched() -> None:
    net = nn.Sequential(nn.Linear(3, 3), LIF())
    x = torch.randn(4, 2, 3)
    alone = net(x)
    with Health(net) as health:
        assert torch.equal(net(x), alone)
    rates = health.spike_rates()
    net(torch.zeros(4, 2, 3) - 100)
    assert health.spike_rates() == rates
    assert all(not module._forward_hooks for module in net.modules())
