"""Small networks around one neuron of a spiking library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.library_neurons import BATCH, OUTPUTS, STEPS, UNITS, WHERE
from torch import Tensor, nn


def library(name: str) -> Any:
    """The module with the library's neurons; the test skips where it is not installed."""
    return pytest.importorskip(WHERE[name], reason=f"{name} is not installed (extra [libraries])")


class Between(nn.Module):
    """linear - unit - linear."""

    def __init__(self, unit: nn.Module, drive: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.a, self.unit, self.b = nn.Linear(5, UNITS), unit, nn.Linear(UNITS, OUTPUTS)
        self.drive = drive

    def forward(self, x: Tensor) -> Tensor:
        self.shown = self.drive(self.unit, self.a(x))
        return self.b(self.shown)


def currents(seed: int = 0) -> Tensor:
    return 3 * torch.randn(STEPS, BATCH, 5, generator=torch.Generator().manual_seed(seed))


class Driven(nn.Module):
    """A neuron alone, called in one of the ways of its library."""

    def __init__(self, unit: nn.Module, drive: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.unit, self.drive = unit, drive

    def forward(self, x: Tensor) -> Tensor:
        return self.drive(self.unit, x)
