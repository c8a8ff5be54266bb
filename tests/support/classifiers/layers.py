"""Layers that classifiers are composed of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

S = nn.Sequential


class Joined(nn.Module):
    """Parts that are given the same input, and what joins their outputs."""

    def __init__(self, join: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.join, self.parts = join, nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(*(part(x) for part in self.parts))


class Do(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def cat(*parts: nn.Module) -> Joined:
    return Joined(lambda *ys: torch.cat(ys, 1), *parts)


def plus(*parts: nn.Module) -> Joined:
    return Joined(lambda *ys: sum(ys[1:], ys[0]), *parts)


def conv(
    ins: int, outs: int, k: int = 3, s: int = 1, g: int = 1, act: Any = nn.ReLU, bn: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(ins, outs, k, s, k // 2, groups=g, bias=not bn)]
    return S(*layers, *([nn.BatchNorm2d(outs)] if bn else []), *([act()] if act else []))


def head(ins: int, classes: int = 1000) -> nn.Sequential:
    return S(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(ins, classes))


def excite(ins: int, squeezed: int, gate: Any = nn.Sigmoid) -> Joined:
    """Squeeze and excitation."""
    inner = S(nn.AdaptiveAvgPool2d(1), nn.Conv2d(ins, squeezed, 1), nn.ReLU(),
              nn.Conv2d(squeezed, ins, 1), gate())  # fmt: skip
    return Joined(torch.mul, nn.Identity(), inner)
