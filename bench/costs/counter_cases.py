"""Networks whose multiply-accumulates are derived by hand: what a counter is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Case:
    """A network, an input, and what one call costs; `spiking`: accumulates and not MACs."""

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    expected: int
    derivation: str
    spiking: bool = False

    def inputs(self) -> Tensor:
        """The same for every counter; spikes at every second place where the case is spiking."""
        if self.spiking:
            size = torch.Size(self.shape).numel()
            return (torch.arange(size) % 2).float().view(self.shape)
        return torch.rand(self.shape, generator=torch.Generator().manual_seed(0))


class _CellLoop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(10, 20)

    def forward(self, x: Tensor) -> Tensor:
        state: Any = None
        for step in x:
            state = self.cell(step, state)
        return state[0]


class _ConvLSTMLoop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[1], 4, *x.shape[3:])
        for step in x:
            i, f, o, g = self.conv(torch.cat((step, h), 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return h


class _Repeated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv(self.conv(x)))


class _Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.rand(8, 3, 3, 3))
        self.matrix = nn.Parameter(torch.rand(1568, 10))

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.kernel).flatten(1) @ self.matrix


class _Einsum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.rand(7, 11))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("ij,jk->ik", x, self.matrix)


class _Own(nn.Conv2d):
    """A subclass, as the libraries for spiking networks have them."""


CASES = (
    Case("LSTM", lambda: nn.LSTM(10, 20), (5, 3, 10), 36000, "15 * 80 * 30"),
    Case("GRU", lambda: nn.GRU(10, 20), (5, 3, 10), 27000, "15 * 60 * 30"),
    Case("LSTM cells in a loop", _CellLoop, (5, 3, 10), 36000, "15 * 80 * 30"),
    Case(
        "LSTM, 2 layers, 2 directions",
        lambda: nn.LSTM(10, 20, 2, bidirectional=True),
        (5, 3, 10),
        216000,
        "15 * 80 * 2 * (30 + 60)",
    ),
    Case("ConvLSTM in a loop", _ConvLSTMLoop, (5, 2, 2, 8, 8), 552960, "640 * 6 * 16 * 9"),
    Case("Conv3d", lambda: nn.Conv3d(2, 4, 3, padding=1), (2, 2, 6, 8, 8), 165888, "768 * 8 * 27"),
    Case("ConvTranspose2d", lambda: nn.ConvTranspose2d(4, 2, 4, 2), (2, 4, 5, 5), 6400, "50 * 128"),
    # The reference gives the sum alone; these shapes are ours.
    Case("F.conv2d and @", _Functional, (2, 3, 16, 16), 116032, "392 * 8 * 27 + 2 * 1568 * 10"),
    Case("einsum", _Einsum, (4, 7), 308, "4 * 7 * 11"),
    Case("one conv, three calls", _Repeated, (6, 2, 5, 5), 16200, "3 * 150 * 36"),
    Case("subclass of Conv2d", lambda: _Own(2, 3, 3), (1, 2, 6, 6), 864, "16 * 6 * 9"),
    Case(
        "spikes into a padded conv",
        lambda: nn.Conv2d(1, 2, 3, padding=1, bias=False),
        (1, 1, 4, 4),
        100,
        "half of 2 * (4 + 3 + 3) ** 2: spikes stand in every second column",
        spiking=True,
    ),
)  # fmt: skip
