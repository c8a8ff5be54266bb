"""Beside the field's own counters: the same number, or one that a named convention explains."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from liafbench.bench.counting import count

ONES = torch.ones
CNN_SHAPE = (2, 3, 8, 10)


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3, groups=2),
        nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(6, 5),
    ).eval()  # fmt: skip


CNN_MACS = 2 * (8 * 4 * 5 * 27 + 6 * 2 * 3 * 36 + 30)
CNN_OUTPUTS = 2 * (8 * 20 + 6 * 6 + 5)  # one bias each


class Cell(nn.Module):
    """A recurrent cell with its state as a second input."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, *state: Tensor) -> Any:
        return self.cell(x, state if isinstance(self.cell, nn.LSTMCell) else state[0])


def stack(*sizes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for ins, outs in itertools.pairwise(sizes):
        layers += [nn.Linear(ins, outs, bias=False), nn.Sigmoid()]
    return nn.Sequential(*layers)


# The layers on which NeuroBench tests its synaptic operations, and the number it expects; Hadamard
# products of gates are among its multiply-accumulates and among our elementwise operations.
NEUROBENCH: dict[str, tuple[Callable[[], nn.Module], tuple[Tensor, ...], int, int]] = {
    "two layers": (lambda: stack(20, 25, 25), (ONES(1, 20),), 1125, 0),
    "four layers": (lambda: stack(20, 20, 25, 25, 25), (ONES(1, 20),), 2150, 0),
    "small image": (lambda: nn.Conv2d(1, 1, 3, bias=False), (ONES(1, 1, 3, 3),), 9, 0),
    "larger image": (lambda: nn.Conv2d(1, 1, 3, bias=False), (ONES(1, 1, 12, 12),), 900, 0),
    "series": (lambda: nn.Conv1d(5, 1, 5, bias=False), (ONES(1, 5, 10),), 150, 0),
    "RNN cell": (lambda: Cell(nn.RNNCell(25, 5)), (ONES(1, 25), ONES(1, 5)), 150, 0),
    "LSTM cell": (lambda: Cell(nn.LSTMCell(25, 5)), (ONES(1, 25), ONES(1, 5), ONES(1, 5)), 615, 15),
    "GRU cell": (lambda: Cell(nn.GRUCell(25, 5)), (ONES(1, 25), ONES(1, 5)), 465, 15),
}


@pytest.mark.parametrize("name", NEUROBENCH)
def test_neurobenchs_own_cases(name: str) -> None:
    build, inputs, expected, hadamard = NEUROBENCH[name]
    counts = count(build(), inputs)
    assert (counts.mac_effective + hadamard, counts.ac) == (expected, 0)
    assert hadamard <= counts.elementwise


def test_neurobenchs_case_of_spikes() -> None:
    """5 samples of 10 steps, all ones: 20 x 5 a step. Theirs are spikes by value, ours by kind."""
    x = torch.ones(10, 5, 20)
    layer = nn.Linear(20, 5, bias=False)
    counts = count(layer, x, samples=5, input_kind="spikes")
    assert (counts.ac, counts.mac_effective) == (1000, 0)
    by_value_too = count(layer, x, samples=5)
    assert (by_value_too.ac, by_value_too.mac_effective) == (0, 1000)


def test_fvcore_counts_the_same_products_and_norms_besides() -> None:
    from fvcore.nn import FlopCountAnalysis

    x = torch.rand(CNN_SHAPE)
    analysis = FlopCountAnalysis(cnn(), x).unsupported_ops_warnings(False)
    found = analysis.by_operator()
    ours = count(cnn(), x).mac_dense
    assert found["conv"] + found["linear"] == ours == CNN_MACS
    # Batch norm: a scale and a shift for each element; pooling: one for each input.
    assert analysis.total() - ours == 2 * 2 * 8 * 20 + found.get("avg_pool2d", 0)


def test_torchinfo_adds_biases_and_batch_norm() -> None:
    torchinfo = pytest.importorskip("torchinfo")
    found = torchinfo.summary(cnn(), input_size=CNN_SHAPE, verbose=0).total_mult_adds
    # A bias is an operation there, and batch norm its parameters for each sample.
    assert found == count(cnn(), torch.rand(CNN_SHAPE)).mac_dense + CNN_OUTPUTS + 2 * 16
    lstm = torchinfo.summary(nn.LSTM(10, 20), input_size=(5, 3, 10), verbose=0).total_mult_adds
    assert lstm == count(nn.LSTM(10, 20), torch.rand(5, 3, 10)).mac_dense + 15 * 2 * 80


def test_ptflops_adds_biases_norms_and_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    ptflops = pytest.importorskip("ptflops")
    found, _ = ptflops.get_model_complexity_info(
        cnn(), CNN_SHAPE[1:], as_strings=False, print_per_layer_stat=False, backend="pytorch"
    )
    ours = count(cnn(), torch.rand(1, *CNN_SHAPE[1:])).mac_dense
    # Biases 201, batch norm 2 x 160; ReLU 160 + 36 and average pooling its 36 inputs, both twice:
    # as a layer and as the function that the layer calls.
    assert found == ours + 201 + 320 + 2 * (196 + 36)


def test_spikingjelly_counts_biases_as_operations() -> None:
    from spikingjelly.activation_based.op_counter import DispatchCounterMode, FlopCounter

    x, counter = torch.rand(4, 7), FlopCounter()
    layer = nn.Linear(7, 3)
    with DispatchCounterMode([counter]), torch.no_grad():
        layer(x)
    assert counter.get_total() == 2 * count(layer, x).mac_dense + 4 * 3
