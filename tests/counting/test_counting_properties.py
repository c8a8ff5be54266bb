"""Properties that hold for any network."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from liafbench.baselines.neurons import LIAF, LIF
from liafbench.bench.counting import count, count_each, count_trained

SPARSE = ("mac_effective", "ac", "ac_folded")
STRUCTURE = ("weights", "parameters", "synapses", "neurons")
FEW = settings(max_examples=12, deadline=None)


class Net(nn.Module):
    """A small network with a spiking, a pooled and an analog layer, on [T, B, 2, 6, 6]."""

    def __init__(self, kernel: int = 3, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(2, 3, kernel, padding=kernel // 2)
        self.spikes, self.pool = LIF(v_threshold=0.3), nn.AvgPool2d(2)
        self.fc, self.analog, self.out = nn.Linear(27, 5), LIAF(v_threshold=0.3), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        time = x.shape[:2]
        y = self.spikes(self.conv(x.flatten(0, 1)).unflatten(0, time))
        y = self.pool(y.flatten(0, 1)).flatten(1).unflatten(0, time)
        return self.out(self.analog(self.fc(y))).mean(0)


def batch(seed: int, steps: int, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(steps, size, 2, 6, 6, generator=generator) < 0.4).float()


def every(counts: Any) -> dict[str, Any]:
    return {
        name: getattr(counts, name) for name in (*STRUCTURE, *SPARSE, "mac_dense", "elementwise")
    }


@FEW
@given(seed=st.integers(0, 99), steps=st.integers(1, 4), size=st.integers(1, 4))
def test_batch_size_and_order_do_not_matter(seed: int, steps: int, size: int) -> None:
    net, x = Net(), batch(seed, steps, size)
    whole = count(net, x, samples=size)
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    shuffled = count(net, x[:, order], samples=size)
    apart = count_each(net, [x[:, i : i + 1] for i in order.tolist()])
    assert every(whole) == every(shuffled)
    for name, value in every(apart).items():
        assert value == pytest.approx(getattr(whole, name), rel=1e-12)


@FEW
@given(
    size=st.integers(3, 7), kernel=st.integers(1, 3), stride=st.integers(1, 3),
    padding=st.integers(0, 3), dilation=st.integers(1, 2), groups=st.sampled_from([1, 2]),
    transposed=st.booleans(),
)  # fmt: skip
def test_all_ones_give_the_in_bounds_count_and_zeros_give_none(
    size: int, kernel: int, stride: int, padding: int, dilation: int, groups: int, transposed: bool
) -> None:
    if not transposed and size + 2 * padding < dilation * (kernel - 1) + 1:
        return
    if transposed and (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 < 1:
        return
    layer = nn.ConvTranspose2d if transposed else nn.Conv2d
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    conv = layer(2, 4, kernel, bias=False, **options)
    ones = torch.ones(1, 2, size, size)
    counts = count(conv, ones, input_kind="spikes")
    with torch.no_grad():
        conv.weight.fill_(1)
        in_bounds = conv(ones)  # every in-bounds connection adds one
    assert counts.ac == counts.synapses == int(in_bounds.sum())
    silent = count(conv, torch.zeros_like(ones), input_kind="spikes")
    assert (silent.ac, silent.mac_effective, silent.ac_folded) == (0, 0, 0)
    assert silent.mac_dense == counts.mac_dense


@FEW
@given(seed=st.integers(0, 99))
def test_layers_add_up_to_the_network(seed: int) -> None:
    torch.manual_seed(seed)
    a, b = nn.Sequential(nn.Linear(6, 7), nn.ReLU()), nn.Sequential(nn.Linear(7, 4), nn.Tanh())
    x = torch.randn(3, 6)
    whole, first, second = count(nn.Sequential(a, b), x), count(a, x), count(b, a(x).detach())
    for name, value in every(whole).items():
        assert value == getattr(first, name) + getattr(second, name), name


@FEW
@given(seed=st.integers(0, 99), share=st.floats(0, 1))
def test_sparse_never_exceeds_dense_and_pruning_never_adds(seed: int, share: float) -> None:
    net, x = Net(seed=seed), batch(seed, 3, 2)
    before = count(net, x)
    assert before.ac + before.mac_effective <= before.mac_dense
    with torch.no_grad():
        mask = torch.rand(net.conv.weight.shape) < share
        net.conv.weight[mask] = 0
    after = count(net, x)
    assert after.by_layer.mac_effective["conv"] <= before.by_layer.mac_effective["conv"]
    assert after.synapses <= before.synapses
    assert (after.weights, after.mac_dense) == (before.weights, before.mac_dense)


def test_samples_of_different_length_have_means_and_spreads() -> None:
    net = nn.LSTM(3, 4)
    samples = [torch.ones(t, 1, 3) for t in (2, 4, 6)]
    counts = count_each(net, samples)
    per_step = 16 * 7
    assert counts.mac_dense == 4 * per_step
    assert counts.spread["mac_dense"] == pytest.approx(2 * per_step)
    assert counts.samples == 3
    assert count_each(net, samples[::-1]).spread == counts.spread


def test_padding_of_stories_is_not_counted() -> None:
    class Story(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.lstm = nn.Embedding(9, 3, padding_idx=0), nn.LSTM(3, 4)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.lstm(self.embed(tokens))[0][-1]

    padded = torch.tensor([[0], [0], [3], [5]])
    found = {m.metric: m.value for m in count_trained(Story(), [padded])}
    assert found["mac_dense"] == 2 * 16 * 7
    assert found == {m.metric: m.value for m in count_trained(Story(), [padded[2:]])}


def test_state_of_a_stateful_network_is_put_back_between_samples() -> None:
    from spikingjelly.activation_based import neuron

    net = nn.Sequential(nn.Linear(4, 5), neuron.LIFNode(), nn.Linear(5, 2))
    x = torch.rand(1, 4) * 3
    once, often = count(net, x), count_each(net, [x, x, x])
    assert every(once) == every(often)
    assert often.spread["ac"] == 0


def test_measurements_carry_units_and_spread() -> None:
    net = Net()
    samples = [batch(i, 3, 1) for i in range(4)]
    measured = {m.metric: m for m in count_trained(net, samples)}
    ac = measured["ac_folded"]
    each = [count(net, s).ac_folded for s in samples]
    assert (ac.value, ac.unit, ac.n) == (sum(each) / 4, "1/sample", 4)
    assert ac.spread == pytest.approx(torch.tensor(each, dtype=torch.float64).std().item())
    assert (measured["weights"].n, measured["weights"].spread, measured["weights"].unit) == (
        1,
        0,
        "1",
    )
    assert measured["energy_45nm_fp32"].unit == "uJ/sample"
    assert measured["energy_45nm_fp32"].value < measured["energy_45nm_fp32_memory"].value
