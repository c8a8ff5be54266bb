"""Small convolutional classifiers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from support.classifiers.layers import Do, S, cat, conv, excite, head, plus
from torch import Tensor, nn


def mobilenet_v1(width: float = 1.0) -> nn.Module:
    plan = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (1024, 2))
    ins = int(32 * width)
    layers: list[nn.Module] = [conv(3, ins, 3, 2)]
    for size, s in plan:
        outs = int(size * width)
        layers += [conv(ins, ins, 3, s, ins), conv(ins, outs, 1)]
        ins = outs
    return S(*layers, head(ins))


def inverted(
    ins: int, outs: int, expand: float, k: int, s: int, act: Any, squeeze: int = 0
) -> nn.Module:
    inner = int(ins * expand)
    path = S(
        conv(ins, inner, 1, act=act) if expand != 1 else nn.Identity(),
        conv(inner, inner, k, s, inner, act), excite(inner, squeeze) if squeeze else nn.Identity(),
        conv(inner, outs, 1, act=None),
    )  # fmt: skip
    return plus(path, nn.Identity()) if s == 1 and ins == outs else path


def mobilenet_v2(act: Any = nn.ReLU6) -> nn.Module:
    layers: list[nn.Module] = [conv(3, 32, 3, 2, act=act)]
    ins = 32
    for expand, outs, depth, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    ):  # fmt: skip
        for i in range(depth):
            layers.append(inverted(ins, outs, expand, 3, 1 if i else stride, act))
            ins = outs
    return S(*layers, conv(ins, 1280, 1, act=act), head(1280))


def mobilenet_v3(small: bool) -> nn.Module:
    act = nn.Hardswish
    plan = [(16, 1, 3, 2), (24, 4.5, 3, 2), (40, 4, 5, 2), (40, 6, 5, 1), (96, 6, 5, 2)]
    if not small:
        plan += [(112, 6, 3, 1), (160, 6, 5, 1), (160, 6, 5, 1)]
    layers: list[nn.Module] = [conv(3, 16, 3, 2, act=act)]
    ins = 16
    for outs, expand, k, s in plan:
        layers.append(inverted(ins, outs, expand, k, s, act, squeeze=max(8, ins // 2)))
        ins = outs
    return S(*layers, conv(ins, 576, 1, act=act), head(576))


def efficientnet(width: float, depth: float) -> nn.Module:
    ins = int(32 * width)
    layers: list[nn.Module] = [conv(3, ins, 3, 2, act=nn.SiLU)]
    for expand, size, n, k, stride in (
        (1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 192, 2, 5, 2),
    ):  # fmt: skip
        outs = int(size * width) // 8 * 8
        for i in range(round(n * depth)):
            s = 1 if i else stride
            layers.append(inverted(ins, outs, expand, k, s, nn.SiLU, squeeze=max(1, ins // 4)))
            ins = outs
    return S(*layers, conv(ins, 1280, 1, act=nn.SiLU), head(1280))


def shuffled(x: Tensor) -> Tensor:
    b, c, h, w = x.shape
    return x.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)


class HalfPath(nn.Module):
    """One half of the channels passes, the other is convolved."""

    def __init__(self, size: int) -> None:
        super().__init__()
        n = size // 2
        self.path = S(conv(n, n, 1), conv(n, n, 3, 1, n, None), conv(n, n, 1))

    def forward(self, x: Tensor) -> Tensor:
        kept, turned = x.chunk(2, 1)
        return shuffled(torch.cat((kept, self.path(turned)), 1))


def shufflenet(sizes: Iterable[int]) -> nn.Module:
    layers: list[nn.Module] = [conv(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1)]
    ins = 24
    for size, depth in zip(sizes, (3, 7, 3), strict=True):
        n = size // 2
        down = S(conv(ins, n, 1), conv(n, n, 3, 2, n, None), conv(n, n, 1))
        side = S(conv(ins, ins, 3, 2, ins, None), conv(ins, n, 1))
        layers += [cat(side, down), Do(shuffled), *(HalfPath(size) for _ in range(depth))]
        ins = size
    return S(*layers, conv(ins, 1024, 1), head(1024))


def ghostnet() -> nn.Module:
    """Half of the channels are cheap ghosts of the other half."""

    def ghost(ins: int, outs: int, act: Any = nn.ReLU) -> nn.Module:
        n = outs // 2
        return S(conv(ins, n, 1, act=act), cat(nn.Identity(), conv(n, n, 3, 1, n, act)))

    layers: list[nn.Module] = [conv(3, 16, 3, 2)]
    ins = 16
    for inner, outs, s in ((48, 24, 2), (72, 24, 1), (72, 40, 2), (240, 80, 2), (480, 112, 1)):
        down = conv(inner, inner, 3, s, inner, None) if s > 1 else nn.Identity()
        path = S(ghost(ins, inner), down, excite(inner, inner // 4, nn.Hardsigmoid),
                 ghost(inner, outs, None))  # fmt: skip
        short = S(conv(ins, ins, 3, s, ins, None), conv(ins, outs, 1, act=None))
        layers.append(plus(path, short))
        ins = outs
    return S(*layers, head(ins))
