"""Estimated energy: one formula, published constants."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liafbench.baselines.neurons import LIF
from liafbench.bench.counting import ENERGY, count, energy
from liafbench.bench.counting.measurements import measurements

COUNTS = {
    "mac_dense": 1000, "mac_effective": 100, "ac": 50, "elementwise": 10,
    "activation_words": 7, "state_words": 3,
}  # fmt: skip


def test_the_formula_by_hand() -> None:
    fp32 = ENERGY["45nm_fp32"]
    assert (fp32.mac, fp32.ac, fp32.op) == (pytest.approx(4.6), 0.9, pytest.approx(2.3))
    assert energy(COUNTS, fp32) == pytest.approx(100 * 4.6 + 50 * 0.9 + 10 * 2.3)
    assert energy(COUNTS, fp32, dense=True) == pytest.approx(1000 * 4.6 + 10 * 2.3)


def test_memory_traffic_counts_weights_activations_and_state() -> None:
    extra = energy(COUNTS, ENERGY["45nm_fp32_memory"]) - energy(COUNTS, ENERGY["45nm_fp32"])
    assert extra == pytest.approx(5.0 * (100 + 50 + 7 + 3))


def test_words_of_a_small_network_by_hand() -> None:
    counts = count(nn.Sequential(nn.Linear(4, 3), LIF(v_threshold=0.1)), torch.rand(5, 2, 4))
    assert counts.activation_words == 10 * (4 + 3)
    assert counts.state_words == 2 * 10 * 3
    assert count(nn.LSTM(4, 3), torch.rand(5, 2, 4)).state_words == 2 * 2 * 10 * 3


def test_words_of_layers_and_directions_are_those_of_layers_apart() -> None:
    x = torch.rand(5, 2, 4)
    both = count(nn.LSTM(4, 3, 2, bidirectional=True), x).activation_words
    assert both == 10 * 2 * (4 + 3) + 10 * 2 * (6 + 3)
    assert count(nn.GRU(4, 3, 2), x).activation_words == 10 * (4 + 3) + 10 * (3 + 3)
    assert count(nn.LSTM(4, 5, proj_size=3), x).activation_words == 10 * (4 + 3)


def test_every_set_says_where_it_is_from() -> None:
    for name, constants in ENERGY.items():
        assert constants.name == name
        assert constants.source
        assert constants.node
        assert constants.precision
        assert 0 < constants.ac < constants.mac


def test_counts_without_values_have_dense_energy_only() -> None:
    counts = count(nn.Linear(4, 3), torch.empty(1, 4, device="meta"))
    assert energy(counts, ENERGY["45nm_fp32"], dense=True) == pytest.approx(12 * 4.6)
    with pytest.raises(ValueError, match="was not counted"):
        energy(counts, ENERGY["45nm_fp32"])
    assert not any(m.metric.startswith("energy") for m in measurements(counts))
