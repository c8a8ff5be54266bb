"""Weights, synapses and neurons, each against a loop over every connection."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liafbench.baselines.neurons import KLIF, LIAF, LIF
from liafbench.bench.counting import count

Connection = tuple[tuple[int, ...], tuple[int, ...]]


def connections(conv: Any, size: tuple[int, ...]) -> Iterator[Connection]:
    """Every in-bounds (input, output) pair of a convolution joined by a non-zero weight."""
    transposed = isinstance(conv, nn.modules.conv._ConvTransposeNd)
    out_size = conv(torch.zeros(1, conv.in_channels, *size)).shape[2:]
    near, far = (out_size, size) if transposed else (size, out_size)
    weight = conv.weight.detach()
    per_group = weight.shape[1]
    rows = weight.shape[0] // conv.groups
    for index in itertools.product(*map(range, weight.shape)):
        if weight[index] == 0:
            continue
        a, b, taps = index[0], index[1], index[2:]
        other = a // rows * per_group + b
        for y in itertools.product(*map(range, far)):
            x = tuple(
                p * s + k * d - q
                for p, s, k, d, q in zip(
                    y, conv.stride, taps, conv.dilation, conv.padding, strict=True
                )
            )
            if all(0 <= i < n for i, n in zip(x, near, strict=True)):
                yield ((a, *y), (other, *x)) if transposed else ((other, *x), (a, *y))


def pruned(conv: nn.Module) -> nn.Module:
    with torch.no_grad():
        conv.weight[torch.rand(conv.weight.shape) < 0.4] = 0
    return conv


CONVOLUTIONS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "padded": (lambda: nn.Conv2d(2, 3, 3, padding=1), (4, 5)),
    "strided": (lambda: nn.Conv2d(2, 3, 3, 2, 1), (5, 6)),
    "dilated": (lambda: nn.Conv2d(1, 2, 3, dilation=2, padding=2), (5, 4)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2), (4, 3)),
    "odd": (lambda: nn.Conv2d(2, 3, (2, 3), (2, 1), (1, 0), (1, 2)), (5, 7)),
    "wide-padding": (lambda: nn.Conv2d(1, 2, 3, padding=4), (3, 3)),
    "one-dimensional": (lambda: nn.Conv1d(2, 3, 4, 3, 2), (9,)),
    "transposed": (lambda: nn.ConvTranspose2d(2, 3, 3, 2, 1, 1), (3, 4)),
    "transposed-grouped": (lambda: nn.ConvTranspose2d(4, 6, 3, groups=2, dilation=2), (3, 2)),
}


@pytest.mark.parametrize("prune", [False, True], ids=["dense", "pruned"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_synapses_and_fan_out_of_convolutions(name: str, prune: bool) -> None:
    make, size = CONVOLUTIONS[name]
    conv = pruned(make()) if prune else make()
    pairs = list(connections(conv, size))
    x = (torch.rand(2, conv.in_channels, *size) < 0.4).float()
    active = sum(bool(x[n][source]) for n in range(2) for source, _ in pairs)
    spikes = count(conv, x, input_kind="spikes")
    analog = count(conv, x * 0.7)
    assert spikes.synapses == analog.synapses == len(pairs)
    assert spikes.weights == conv.weight.numel()
    assert (spikes.ac, spikes.mac_effective, spikes.ac_folded) == (active, 0, active)
    assert (analog.ac, analog.mac_effective, analog.ac_folded) == (0, active, 0)


def test_conv3d_counts_space_once_and_its_temporal_taps() -> None:
    conv = nn.Conv3d(2, 3, 3, padding=1)
    in_space = len(list(connections(nn.Conv2d(2, 3, 3, padding=1), (4, 5))))
    for steps in (1, 2, 6):
        assert count(conv, torch.rand(1, 2, steps, 4, 5)).synapses == 3 * in_space


def test_zeros_that_are_put_around_a_frame_are_no_inputs() -> None:
    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 3, (2, 4), padding="same")

        def forward(self, x: Tensor) -> Tensor:
            w = self.conv.weight
            return F.conv2d(F.pad(x, (1, 2, 0, 1)), w, self.conv.bias)

    module = Padded()
    x = torch.rand(1, 2, 5, 6)
    by_pad, by_same = count(module, x), count(module.conv, x)
    # A 2 x 4 kernel on 5 x 6: rows 5 + 4 of 2 taps; columns 5 + 6 + 5 + 4 of 4 taps.
    assert by_pad.synapses == by_same.synapses == 2 * 3 * (5 + 4) * (5 + 6 + 5 + 4)
    assert by_pad.mac_effective == by_same.mac_effective == by_same.synapses


def test_dense_layers_count_non_zero_entries() -> None:
    linear = pruned(nn.Linear(7, 11))
    nonzero = int((linear.weight != 0).sum())
    for shape in ((1, 7), (5, 7), (4, 3, 7)):
        counts = count(linear, torch.rand(shape))
        assert (counts.synapses, counts.weights, counts.parameters) == (nonzero, 77, 88)


def test_recurrent_layers_count_both_matrices_once() -> None:
    for steps in (1, 4):
        counts = count(nn.LSTM(5, 3, 2, bidirectional=True), torch.rand(steps, 2, 5))
        assert counts.synapses == counts.weights == 2 * 12 * (5 + 3) + 2 * 12 * (6 + 3)
        assert counts.neurons == 12


def test_calls_with_another_geometry_add() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.conv(a).sum() + self.conv(b).sum()

    same = count(Twice(), (torch.rand(1, 1, 4, 4), torch.rand(2, 1, 4, 4)))
    other = count(Twice(), (torch.rand(1, 1, 4, 4), torch.rand(1, 1, 5, 5)))
    assert (same.weights, same.synapses) == (9, 100)  # (4 + 3 + 3) ** 2
    assert (other.weights, other.synapses) == (9, 100 + 169)


class _Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 6) + 1)
        self.register_buffer("mask", (torch.arange(24).view(4, 6) % 3 == 0).float())

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.mask) + F.linear(x, self.weight * self.mask)


def test_masks_prune_and_count_once() -> None:
    counts = count(_Masked(), torch.rand(2, 6))
    assert (counts.weights, counts.synapses, counts.mac_dense) == (24, 8, 96)
    assert counts.mac_effective == 2 * 2 * 8


class _Sliced(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(6, 4))

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.weight.chunk(2)
        return F.linear(x, a) + F.linear(x, b) + x @ self.weight.t()[:, :3]


def test_views_of_a_weight_are_the_same_weight() -> None:
    counts = count(_Sliced(), torch.rand(2, 4))
    assert counts.weights == counts.parameters == 24
    # F.linear and @ on one view: the transposed one is another derivation of the same entries.
    assert counts.mac_dense == 2 * 3 * 12


def test_tied_weights_count_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
            self.b.weight = self.a.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x))

    counts = count(Tied(), torch.rand(3, 4))
    assert (counts.weights, counts.synapses, counts.parameters) == (16, 16, 24)


def test_embeddings_have_a_column_of_their_own() -> None:
    counts = count(nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2)), torch.randint(9, (3, 5)))
    assert (counts.embedding, counts.weights, counts.synapses) == (36, 8, 8)
    assert counts.parameters == 36 + 10


def test_frozen_parameters_are_not_trainable_but_synapses() -> None:
    linear = nn.Linear(4, 3)
    linear.weight.requires_grad_(False)
    counts = count(linear, torch.rand(1, 4))
    assert (counts.parameters, counts.weights) == (3, 12)


@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (3, 2), (5, 4)])
def test_structure_depends_on_no_batch_and_no_time(steps: int, batch: int) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.neuron = nn.Conv2d(2, 3, 3, padding=1), LIF()
            self.fc, self.relu, self.lstm = nn.Linear(48, 7), nn.ReLU(), nn.LSTM(7, 5)

        def forward(self, x: Tensor) -> Tensor:
            frames = self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            return self.lstm(self.relu(self.fc(self.neuron(frames).flatten(2))))[0]

    counts = count(Net(), torch.rand(steps, batch, 2, 4, 4))
    assert counts.neurons == 48 + 7 + 5
    assert counts.weights == 54 + 336 + 20 * 12
    assert counts.synapses == 600 + 336 + 240
    assert counts.neuron_updates == steps * batch * (48 + 7 + 5)


def test_neurons_of_shared_functional_and_repeated_units() -> None:
    def two(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return F.relu(F.linear(x, a)).sum() + F.relu(F.linear(x, b)).sum()

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.rand(3, 4)), nn.Parameter(torch.rand(5, 4))

        def forward(self, x: Tensor) -> Tensor:
            return two(x, self.a, self.b) + two(x, self.a, self.b)

    counts = count(Two(), torch.rand(2, 4))
    assert (counts.neurons, counts.neuron_updates) == (8, 32)


def test_klif_adds_one_parameter_for_every_layer() -> None:
    x = torch.rand(2, 3, 4)
    lif, liaf, klif = (count(neuron(), x) for neuron in (LIF, LIAF, KLIF))
    assert (lif.parameters, liaf.parameters, klif.parameters) == (0, 0, 1)
    assert lif.neurons == liaf.neurons == klif.neurons == 4
