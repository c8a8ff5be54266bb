"""Random networks against a loop over every connection: nothing of the package counts here."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from liafbench.baselines.layers import ConvLSTM
from liafbench.baselines.neurons import KLIF, LIAF, LIF
from liafbench.baselines.stages import Conv
from liafbench.bench.counting import count

CONVS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
AVERAGES = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
MAXIMA = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}


def sources(conv: Any, size: torch.Size, out_size: torch.Size) -> Iterator[tuple[int, ...]]:
    """The input of every in-bounds connection with a non-zero weight, as (channel, *position)."""
    turned = isinstance(conv, nn.modules.conv._ConvTransposeNd)
    weight = conv.weight.detach()
    rows = weight.shape[0] // conv.groups
    near, far = (out_size, size) if turned else (size, out_size)
    for index in itertools.product(*map(range, weight.shape)):
        if weight[index] == 0:
            continue
        row, column, taps = index[0], index[1], index[2:]
        for y in itertools.product(*map(range, far)):
            each = zip(y, conv.stride, conv.padding, taps, conv.dilation, strict=True)
            x = tuple(at * s - p + tap * d for at, s, p, tap, d in each)
            if all(0 <= at < n for at, n in zip(x, near, strict=True)):
                channel = row // rows * weight.shape[1] + column
                yield (row, *y) if turned else (channel, *x)


def sent(conv: Any, x: Tensor, events: Tensor) -> int:
    """What the events at x's places cause: one operation for each connection that leaves them."""
    dims = len(conv.kernel_size)
    places = list(sources(conv, x.shape[-dims:], conv(x).shape[-dims:]))
    total = events.flatten(0, -dims - 2).sum(0)
    return sum(int(total[place]) for place in places)


def in_windows(events: Tensor, pool: Any, out: Tensor) -> Tensor:
    """Events summed over the windows of an average pool."""
    dims = events.dim() - 2

    def each(value: Any) -> tuple[int, ...]:
        return (value,) * dims if isinstance(value, int) else tuple(value)

    kernel, stride, padding = each(pool.kernel_size), each(pool.stride), each(pool.padding)
    sums = torch.zeros(out.shape, dtype=torch.int64)
    for index in itertools.product(*map(range, out.shape)):
        for taps in itertools.product(*map(range, kernel)):
            spots = zip(index[2:], stride, padding, taps, strict=True)
            x = tuple(at * s - p + tap for at, s, p, tap in spots)
            if all(0 <= at < n for at, n in zip(x, events.shape[2:], strict=True)):
                sums[index] += events[(*index[:2], *x)]
    return sums


class Net(nn.Module):
    """conv - neuron - (+ what the neuron gave the other samples) - pool - conv."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.dims = draw.choice((1, 2, 2, 3))
        groups = draw.choice((1, 2))
        first = draw.choice((CONVS, CONVS, TRANSPOSED))[self.dims]
        self.conv1 = self.drawn(first, draw, 2, 4, groups)
        self.neuron = draw.choice((LIF, KLIF, LIAF))(v_threshold=0.1)
        self.residual = draw.choice(("none", "self", "others"))
        self.pool = draw.choice((self.average, self.maximum, lambda _: nn.Identity()))(draw)
        self.conv2 = self.drawn(CONVS[self.dims], draw, 4, 2, groups)

    def drawn(self, layer: Any, draw: random.Random, ins: int, outs: int, groups: int) -> Any:
        kernel, stride, padding, dilation = (
            [draw.randint(*bounds) for _ in range(self.dims)]
            for bounds in ((1, 3), (1, 2), (0, 2), (1, 2))
        )
        conv = layer(ins, outs, kernel, stride, padding, dilation=dilation, groups=groups)
        with torch.no_grad():
            conv.weight[torch.rand(conv.weight.shape) < draw.choice((0.0, 0.4))] = 0
        return conv

    def average(self, draw: random.Random) -> nn.Module:
        kernel = [draw.randint(1, 3) for _ in range(self.dims)]
        stride = [draw.randint(1, 2) for _ in range(self.dims)]
        padding = [draw.randint(0, k // 2) for k in kernel]
        ceil, pad = draw.choice((False, True)), draw.choice((False, True))
        return AVERAGES[self.dims](kernel, stride, padding, ceil, pad)

    def maximum(self, draw: random.Random) -> nn.Module:
        return MAXIMA[self.dims](2, draw.randint(1, 2), ceil_mode=draw.choice((False, True)))

    def shown(self, x: Tensor) -> Tensor:
        return self.neuron(self.conv1(x.flatten(0, 1)).unflatten(0, x.shape[:2])).flatten(0, 1)

    def joined(self, y: Tensor) -> Tensor:
        others = {"none": None, "self": y, "others": y.flip(0)}[self.residual]
        return y if others is None else y + others

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.pool(self.joined(self.shown(x))))


def expected(net: Net, x: Tensor) -> dict[str, tuple[int, int, int]]:
    """(ac, mac_effective, ac_folded) of both convolutions on spikes x."""
    first = sent(net.conv1, x.flatten(0, 1), x.flatten(0, 1).long())
    y = net.shown(x)
    events = net.joined((y != 0).long())
    kind = "analog" if isinstance(net.neuron, LIAF) else "spikes"
    if kind == "spikes" and net.residual != "none":
        kind = "graded"
    joined = net.joined(y)
    pooled = net.pool(joined)
    if isinstance(net.pool, tuple(AVERAGES.values())):
        events = in_windows(events, net.pool, pooled)
        kind = "graded" if kind == "spikes" else kind
    elif isinstance(net.pool, tuple(MAXIMA.values())):
        events = (pooled != 0).long()
        kind = "spikes" if kind == "spikes" else "analog"
    second = sent(net.conv2, pooled, (pooled != 0).long())
    folded = 0 if kind == "analog" else sent(net.conv2, pooled, events)
    ac, effective = (second, 0) if kind == "spikes" else (0, second)
    return {"conv1": (first, 0, first), "conv2": (ac, effective, folded)}


def fitting(draw: random.Random, seed: int) -> tuple[Net, Tensor]:
    """A drawn network and spikes; drawn again where a kernel is larger than what it meets."""
    torch.manual_seed(seed)
    while True:
        net = Net(draw)
        size = [draw.randint(4, 5) for _ in range(net.dims)]
        x = (torch.rand(draw.randint(1, 2), draw.randint(1, 2), 2, *size) < 0.5).float()
        with torch.no_grad(), contextlib.suppress(RuntimeError):
            net(x)
            return net, x


@pytest.mark.parametrize("seed", range(48))
def test_random_networks(seed: int) -> None:
    net, x = fitting(random.Random(seed), seed)
    with torch.no_grad():
        right = expected(net, x)
    rows = count(net, x, input_kind="spikes").by_layer
    for layer, numbers in right.items():
        found = tuple(rows[name][layer] for name in ("ac", "mac_effective", "ac_folded"))
        assert found == numbers, layer


def test_windows_that_hang_over_the_end_of_a_row() -> None:
    """Average pooling in one dimension with ceil_mode: the last window holds one spike."""
    net = nn.Sequential(nn.AvgPool1d(2, 2, ceil_mode=True), nn.Conv1d(1, 3, 1, bias=False))
    counts = count(net, torch.tensor([[[1.0, 1.0, 1.0]]]), input_kind="spikes")
    assert (counts.mac_effective, counts.ac_folded) == (2 * 3, 3 * 3)


def test_spikes_that_a_mask_cuts_off_are_sent_nowhere() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.tensor([2.0, 0.0, 3.0]))
            self.out = nn.Linear(3, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(x * self.mask)

    counts = count(Masked(), torch.ones(1, 3), input_kind="spikes")
    assert (counts.ac, counts.mac_effective, counts.ac_folded) == (0, 10, 10)


def test_conv_lstm_counts_its_states_dense_within_bounds() -> None:
    torch.manual_seed(0)
    net = ConvLSTM(2, Conv(channels=3, kernel=3))
    x = (torch.rand(4, 2, 2, 5, 4) < 0.4).float()
    state = torch.ones(4 * 2, 3, 5, 4)
    inputs = sent(next(m for m in net.input.modules() if isinstance(m, nn.Conv2d)),
                  x.flatten(0, 1), x.flatten(0, 1).long())  # fmt: skip
    counts = count(net, x)
    assert counts.mac_effective == inputs + sent(net.recurrent, state, state.long())
    assert counts.mac_dense == 4 * 2 * 20 * 12 * 9 * (2 + 3)


def test_a_state_that_is_given_counts_dense_too() -> None:
    x, state = torch.ones(2, 3, 4), (torch.zeros(1, 3, 5), torch.zeros(1, 3, 5))
    counts = count(nn.LSTM(4, 5), (x, state))
    assert counts.mac_effective == counts.mac_dense == 2 * 3 * 20 * (4 + 5)
