"""Multiply-accumulates of every operator, each against a number derived by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liafbench.bench.counting import count


class Fn(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any], *weights: Tensor) -> None:
        super().__init__()
        self.function = function
        self.weights = nn.ParameterList([nn.Parameter(w) for w in weights])

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs, *self.weights)


class CellLoop(nn.Module):
    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in x:
            state = self.cell(step, state)
        return state[0] if isinstance(state, tuple) else state


class ConvLSTMLoop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 + 4, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[1], 4, *x.shape[3:])
        for step in x:
            i, f, o, g = self.conv(torch.cat((step, h), 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return h


class Repeated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv(self.conv(x)))


def r(*shape: int) -> Tensor:
    return torch.rand(*shape)


# (name, module, inputs, MACs): the comment derives the number.
CASES: list[tuple[str, Callable[[], nn.Module], Any, int]] = [
    # the reference cases
    ("lstm", lambda: nn.LSTM(10, 20), r(5, 3, 10), 36000),  # 15 * 80 * (10 + 20)
    ("gru", lambda: nn.GRU(10, 20), r(5, 3, 10), 27000),  # 15 * 60 * 30
    ("lstm-cells", lambda: CellLoop(nn.LSTMCell(10, 20)), r(5, 3, 10), 36000),
    ("lstm-2-bi", lambda: nn.LSTM(10, 20, 2, bidirectional=True), r(5, 3, 10), 216000),
    ("conv-lstm-loop", ConvLSTMLoop, r(5, 2, 2, 8, 8), 552960),  # 640 * 6 * 16 * 9
    ("conv3d", lambda: nn.Conv3d(2, 4, 3, padding=1), r(2, 2, 6, 8, 8), 165888),  # 768 * 216
    ("convt2d", lambda: nn.ConvTranspose2d(4, 2, 4, 2), r(2, 4, 5, 5), 6400),  # 50 * 4 * 2 * 16
    ("einsum", lambda: Fn(lambda a, b: torch.einsum("ij,jk->ik", a, b)), (r(4, 7), r(7, 11)), 308),
    ("conv-3-times", Repeated, r(6, 2, 5, 5), 16200),  # 3 * 150 * 2 * 2 * 9
    (  # the shapes are ours, the sum is the reference's
        "f-conv-and-matmul",
        lambda: Fn(lambda x, w, v: F.conv2d(x, w).flatten(1) @ v, r(8, 3, 3, 3), r(1568, 10)),
        r(2, 3, 16, 16),
        116032,
    ),  # 2 * 14 * 14 * 8 * 27 + 2 * (8 * 14 * 14) * 10
    # convolutions
    ("conv1d", lambda: nn.Conv1d(3, 5, 4, 3, 2, 2), r(2, 3, 17), 600),  # 2 * 5 * 5 * 3 * 4
    ("conv2d-odd", lambda: nn.Conv2d(3, 5, (2, 3), (2, 1), (1, 0)), r(2, 3, 7, 9), 5040),
    # 2 * (4 * 7) * 5 * 3 * 6
    ("conv2d-groups", lambda: nn.Conv2d(6, 9, 3, groups=3), r(1, 6, 5, 7), 2430),  # 15*9*2*9
    ("conv2d-depthwise", lambda: nn.Conv2d(5, 5, 3, groups=5), r(3, 5, 6, 4), 1080),  # 24*5*9
    ("conv2d-dilated", lambda: nn.Conv2d(2, 3, 3, dilation=(2, 3)), r(1, 2, 9, 8), 540),  # 10*54
    ("conv2d-same", lambda: nn.Conv2d(1, 2, (2, 4), padding="same"), r(2, 1, 5, 6), 960),  # 60*16
    ("conv2d-unbatched", lambda: nn.Conv2d(2, 3, 3), r(2, 5, 6), 648),  # 12 * 54
    (
        "conv2d-circular",
        lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"),
        r(1, 2, 4, 5),
        1080,
    ),  # 20 * 54
    (
        "conv2d-reflect",
        lambda: nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"),
        r(1, 1, 4, 5),
        360,
    ),  # 20 * 18
    ("conv3d-odd", lambda: nn.Conv3d(2, 3, (1, 2, 3), (1, 2, 1)), r(1, 2, 3, 5, 4), 432),
    # 3 * 2 * 2 * 3 * 2 * 6
    ("convt1d", lambda: nn.ConvTranspose1d(3, 2, 5, 3, 1, 2), r(2, 3, 7), 420),  # 14 * 3*2*5
    (
        "convt2d-groups",
        lambda: nn.ConvTranspose2d(4, 6, 3, 2, groups=2, dilation=2),
        r(1, 4, 3, 5),
        1620,
    ),  # 15 * 4 * 3 * 9
    ("convt3d", lambda: nn.ConvTranspose3d(2, 3, 2), r(1, 2, 3, 2, 4), 1152),  # 24 * 2 * 3 * 8
    ("f-conv2d", lambda: Fn(F.conv2d, r(4, 3, 3, 3)), r(2, 3, 6, 5), 2592),  # 24 * 108
    (
        "f-conv-and-matmul-odd",
        lambda: Fn(lambda x, w, v: F.conv2d(x, w).flatten(1) @ v, r(4, 3, 3, 3), r(48, 10)),
        r(2, 3, 6, 5),
        3552,
    ),
    # 24 * 108 + 2 * 48 * 10
    # products
    ("linear", lambda: nn.Linear(7, 11), r(3, 7), 231),
    ("linear-4d", lambda: nn.Linear(7, 11, bias=False), r(2, 3, 5, 7), 2310),
    ("linear-vector", lambda: nn.Linear(7, 11), r(7), 77),
    ("matmul-batched", lambda: Fn(torch.matmul), (r(2, 3, 4, 5), r(5, 6)), 720),
    ("matmul-broadcast", lambda: Fn(torch.matmul), (r(2, 1, 4, 5), r(3, 5, 6)), 720),
    ("matmul-vectors", lambda: Fn(torch.matmul), (r(9), r(9)), 9),
    ("matmul-matrix-vector", lambda: Fn(torch.matmul), (r(4, 9), r(9)), 36),
    ("mm", lambda: Fn(torch.mm), (r(3, 4), r(4, 5)), 60),
    ("bmm", lambda: Fn(torch.bmm), (r(2, 3, 4), r(2, 4, 5)), 120),
    ("mv", lambda: Fn(torch.mv), (r(3, 4), r(4)), 12),
    ("dot", lambda: Fn(torch.dot), (r(13), r(13)), 13),
    ("inner", lambda: Fn(torch.inner), (r(3, 4), r(5, 4)), 60),
    ("addmm", lambda: Fn(torch.addmm), (r(5), r(3, 4), r(4, 5)), 60),
    ("addmv", lambda: Fn(torch.addmv), (r(3), r(3, 4), r(4)), 12),
    ("baddbmm", lambda: Fn(torch.baddbmm), (r(2, 3, 5), r(2, 3, 4), r(2, 4, 5)), 120),
    ("addbmm", lambda: Fn(torch.addbmm), (r(3, 5), r(2, 3, 4), r(2, 4, 5)), 120),
    ("tensordot", lambda: Fn(lambda a, b: torch.tensordot(a, b, 2)), (r(2, 3, 4), r(3, 4, 5)), 120),
    ("chain", lambda: Fn(lambda a, b: a @ b @ b.T), (r(2, 3), r(3, 4)), 48),  # 24 + 24
    ("bilinear", lambda: nn.Bilinear(3, 4, 5), (r(2, 3), r(2, 4)), 160),  # 2 * 5 * 4 * (3 + 1)
    (
        "einsum-batch",
        lambda: Fn(lambda a, b: torch.einsum("...ij,...jk->...ik", a, b)),
        (r(2, 3, 4, 5), r(2, 3, 5, 6)),
        720,
    ),
    ("einsum-outer", lambda: Fn(lambda a, b: torch.einsum("i,j->ij", a, b)), (r(3), r(5)), 15),
    (
        "einsum-implicit",
        lambda: Fn(lambda a, b: torch.einsum("bi,io", a, b)),
        (r(3, 4), r(4, 5)),
        60,
    ),
    # recurrent layers
    ("rnn-tanh", lambda: nn.RNN(7, 9), r(4, 2, 7), 1152),  # 8 * 9 * 16
    ("rnn-relu", lambda: nn.RNN(7, 9, nonlinearity="relu", bias=False), r(4, 2, 7), 1152),
    ("rnn-cells", lambda: CellLoop(nn.RNNCell(7, 9)), r(4, 2, 7), 1152),
    ("gru-cells", lambda: CellLoop(nn.GRUCell(7, 9)), r(4, 2, 7), 3456),
    ("gru-2-bi", lambda: nn.GRU(7, 9, 2, bidirectional=True, batch_first=True), r(2, 4, 7), 18576),
    # 8 * 2 * 27 * (7 + 9) + 8 * 2 * 27 * (18 + 9)
    ("lstm-projection", lambda: nn.LSTM(7, 9, proj_size=4), r(3, 2, 7), 2592),
    # 6 * (36 * 7 + 36 * 4 + 4 * 9)
    ("lstm-unbatched", lambda: nn.LSTM(7, 9), r(3, 7), 1728),  # 3 * 36 * 16
    # attention, embedding, and what has no MACs
    (
        "sdpa",
        lambda: Fn(F.scaled_dot_product_attention),
        (r(2, 3, 5, 4), r(2, 3, 7, 4), r(2, 3, 7, 6)),
        2100,
    ),  # 6 * 5 * 7 * (4 + 6)
    ("mha", lambda: nn.MultiheadAttention(6, 3, batch_first=True), (r(2, 5, 6),) * 3, 2040),
    # 10 * 6 * 18 + 10 * 36 + 6 * 25 * (2 + 2)
    (
        "transformer-layer",
        lambda: nn.TransformerEncoderLayer(6, 2, 7, batch_first=True),
        r(1, 5, 6),
        1440,
    ),  # 5 * 144 + 2 * 2 * 25 * 3 + 2 * 5 * 42
    ("embedding", lambda: nn.Embedding(9, 4), torch.arange(6).view(2, 3), 0),
    ("pool", lambda: nn.AvgPool2d(3, 2), r(2, 3, 7, 7), 0),
    ("upsample", lambda: nn.Upsample(scale_factor=2), r(1, 2, 3, 3), 0),
    ("batch-norm", lambda: nn.BatchNorm2d(3), r(2, 3, 4, 4), 0),
]


@pytest.mark.parametrize(
    ("module", "inputs", "macs"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_macs_by_hand(module: Callable[[], nn.Module], inputs: Any, macs: int) -> None:
    counts = count(module(), inputs)
    assert counts.mac_dense == macs
    assert counts.flops == 2 * macs + counts.elementwise


META = [c for c in CASES if not c[0].endswith("cells") and c[0] != "embedding"]


@pytest.mark.parametrize(
    ("module", "inputs", "macs"), [c[1:] for c in META], ids=[c[0] for c in META]
)
def test_shapes_alone_give_the_same_dense_counts(
    module: Callable[[], nn.Module], inputs: Any, macs: int
) -> None:
    net = module()
    tensors = inputs if isinstance(inputs, tuple) else (inputs,)
    real, shapes = count(net, tensors), count(net, tuple(t.to("meta") for t in tensors))
    for name in ("mac_dense", "elementwise", "weights", "synapses", "neurons", "adds", "muls"):
        assert getattr(shapes, name) == getattr(real, name), name
    assert shapes.ac is None
    assert shapes.mac_effective is None
    assert shapes.mac_dense == macs


def test_packed_sequences_count_their_tokens_only() -> None:
    packed = nn.utils.rnn.pack_padded_sequence(
        r(5, 2, 3), torch.tensor([5, 2]), enforce_sorted=False
    )
    assert count(nn.LSTM(3, 4), packed).mac_dense == 7 * 16 * 7
    assert count(nn.GRU(3, 4), packed).mac_dense == 7 * 12 * 7


def test_operations_are_divided_by_samples_and_structure_is_not() -> None:
    net = nn.Linear(7, 11)
    one, three = count(net, r(1, 7)), count(net, r(3, 7), samples=3)
    assert (one.mac_dense, one.weights) == (three.mac_dense, three.weights) == (77, 77)
    assert count(net, r(3, 7), samples=2).mac_dense == 115.5
