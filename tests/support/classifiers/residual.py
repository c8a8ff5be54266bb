"""Residual convolutional classifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from support.classifiers.layers import S, conv, excite, head, plus
from torch import Tensor, nn


def shortcut(ins: int, outs: int, s: int) -> nn.Module:
    return nn.Identity() if s == 1 and ins == outs else conv(ins, outs, 1, s, act=None)


def basic(ins: int, width: int, s: int, **_: Any) -> tuple[nn.Module, int]:
    path = S(conv(ins, width, 3, s), conv(width, width, act=None))
    return S(plus(path, shortcut(ins, width, s)), nn.ReLU()), width


def bottleneck(
    ins: int, width: int, s: int, groups: int = 1, wide: float = 1, se: bool = False,
    middle: Callable[[int, int], nn.Module] | None = None,
) -> tuple[nn.Module, int]:  # fmt: skip
    inner, outs = int(width * wide), 4 * width
    spatial = middle(inner, s) if middle else conv(inner, inner, 3, s, groups)
    path = S(conv(ins, inner, 1), spatial, conv(inner, outs, 1, act=None),
             excite(outs, outs // 16) if se else nn.Identity())  # fmt: skip
    return S(plus(path, shortcut(ins, outs, s)), nn.ReLU()), outs


def resnet(block: Any, depths: Iterable[int], stem: Any = None, **how: Any) -> nn.Module:
    layers: list[nn.Module] = [stem or S(conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1))]
    ins = 64
    for stage, depth in enumerate(depths):
        for i in range(depth):
            layer, ins = block(ins, 64 << stage, 2 if stage and not i else 1, **how)
            layers.append(layer)
    return S(*layers, head(ins))


def res2(inner: int, s: int) -> nn.Module:
    """Channels in four groups, each convolved with the sum of itself and the one before."""

    class Hierarchy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(conv(inner // 4, inner // 4, 3, s) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            parts, outs = x.chunk(4, 1), []
            for part, layer in zip(parts, self.convs, strict=False):
                y = part if s > 1 or not outs else part + outs[-1]
                outs.append(layer(y))
            return torch.cat([*outs, F.avg_pool2d(parts[3], 3, s, 1)], 1)

    return Hierarchy()


def selective(inner: int, s: int) -> nn.Module:
    """Two kernels, weighed by a softmax over both."""

    class Selective(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.small, self.large = conv(inner, inner, 3, s, 32), conv(inner, inner, 5, s, 32)
            self.down, self.up = nn.Linear(inner, 32), nn.Linear(32, 2 * inner)

        def forward(self, x: Tensor) -> Tensor:
            ys = torch.stack((self.small(x), self.large(x)), 1)
            z = self.up(F.relu(self.down(ys.sum(1).mean((2, 3))))).view(-1, 2, inner, 1, 1)
            return (ys * z.softmax(1)).sum(1)

    return Selective()


class Attending(nn.Module):
    """Global self-attention over positions, in place of a convolution (BoTNet)."""

    def __init__(self, size: int, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.qkv = heads, nn.Conv2d(size, 3 * size, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        q, k, v = self.qkv(x).reshape(b, 3, self.heads, c // self.heads, h * w).unbind(1)
        scores = (q.transpose(-2, -1) @ k).softmax(-1)
        return (scores @ v.transpose(-2, -1)).transpose(-2, -1).reshape(b, c, h, w)


def botnet_block(inner: int, s: int) -> nn.Module:
    pool = nn.AvgPool2d(2, 2) if s > 1 else nn.Identity()
    return S(Attending(inner), pool) if inner == 512 else conv(inner, inner, 3, s)


class Standardised(nn.Conv2d):
    """Weights of mean 0 and variance 1, as in networks without normalisation."""

    def forward(self, x: Tensor) -> Tensor:
        w = self.weight
        mean, var = w.mean((1, 2, 3), keepdim=True), w.var((1, 2, 3), keepdim=True)
        return self._conv_forward(x, (w - mean) * torch.rsqrt(var + 1e-5), self.bias)


def normaliser_free(ins: int, width: int, s: int) -> tuple[nn.Module, int]:
    path = S(nn.ReLU(), Standardised(ins, width, 1), nn.ReLU(), Standardised(width, width, 3, s, 1),
             excite(width, width // 2), nn.ReLU(), Standardised(width, 4 * width, 1))  # fmt: skip
    short = S(nn.AvgPool2d(s), Standardised(ins, 4 * width, 1))
    return plus(path, short), 4 * width


def regnet(widths: Iterable[int], depths: Iterable[int], group: int, se: bool) -> nn.Module:
    layers: list[nn.Module] = [conv(3, 32, 3, 2)]
    ins = 32
    for width, depth in zip(widths, depths, strict=True):
        for i in range(depth):
            s = 1 if i else 2
            squeeze = excite(width, ins // 4) if se else nn.Identity()
            path = S(conv(ins, width, 1), conv(width, width, 3, s, width // group), squeeze,
                     conv(width, width, 1, act=None))  # fmt: skip
            layers += [plus(path, shortcut(ins, width, s)), nn.ReLU()]
            ins = width
    return S(*layers, head(ins))
