"""Convolutional classifiers without a residual stream: plain, dense, branched."""

from __future__ import annotations

from collections.abc import Iterable

import torch.nn.functional as F
from support.classifiers.layers import S, cat, conv, head, plus
from torch import Tensor, nn


def vgg(letters: str, bn: bool = False) -> nn.Module:
    sizes = {"a": 64, "b": 128, "c": 256, "d": 512}
    layers: list[nn.Module] = []
    ins = 3
    for letter in letters:
        if letter == "-":
            layers.append(nn.MaxPool2d(2))
        else:
            layers.append(conv(ins, sizes[letter], bn=bn))
            ins = sizes[letter]
    return S(*layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(512 * 49, 4096), nn.ReLU(),
             nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000))  # fmt: skip


def alexnet() -> nn.Module:
    return S(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2),
        conv(64, 192, 5, bn=False), nn.MaxPool2d(3, 2), conv(192, 384, bn=False),
        conv(384, 256, bn=False), conv(256, 256, bn=False), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000),
    )  # fmt: skip


def densenet(depths: Iterable[int], growth: int = 32, ins: int = 64) -> nn.Module:
    layers: list[nn.Module] = [conv(3, ins, 7, 2), nn.MaxPool2d(3, 2, 1)]
    for stage, depth in enumerate(depths):
        if stage:
            layers += [nn.BatchNorm2d(ins), nn.ReLU(), nn.Conv2d(ins, ins // 2, 1, bias=False),
                       nn.AvgPool2d(2)]  # fmt: skip
            ins //= 2
        for _ in range(depth):
            new = S(nn.BatchNorm2d(ins), nn.ReLU(), conv(ins, 4 * growth, 1),
                    nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))  # fmt: skip
            layers.append(cat(nn.Identity(), new))
            ins += growth
    return S(*layers, nn.BatchNorm2d(ins), nn.ReLU(), head(ins))


def squeezenet() -> nn.Module:
    def fire(ins: int, squeezed: int, outs: int) -> nn.Module:
        down = conv(ins, squeezed, 1, bn=False)
        return S(down, cat(conv(squeezed, outs, 1, bn=False), conv(squeezed, outs, bn=False)))

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return S(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), fire(64, 16, 64), fire(128, 16, 64), pool(),
        fire(128, 32, 128), fire(256, 32, 128), pool(), fire(256, 48, 192), fire(384, 64, 256),
        nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


def inception(narrow: bool) -> nn.Module:
    """Branches of four widths; `narrow`: large kernels as a row and a column."""

    def block(ins: int, outs: int) -> nn.Module:
        n = outs // 4
        five: nn.Module = conv(n, n, 5)
        if narrow:
            five = S(
                nn.Conv2d(n, n, (1, 7), padding=(0, 3)), nn.Conv2d(n, n, (7, 1), padding=(3, 0))
            )
        return cat(conv(ins, n, 1), S(conv(ins, n, 1), conv(n, n)), S(conv(ins, n, 1), five),
                   S(nn.MaxPool2d(3, 1, 1), conv(ins, n, 1)))  # fmt: skip

    layers: list[nn.Module] = [conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1), conv(64, 192)]
    ins = 192
    for outs in (256, 480, 512, 832, 1024):
        layers += [nn.MaxPool2d(3, 2, 1) if outs in (256, 512, 832) else nn.Identity(),
                   block(ins, outs)]  # fmt: skip
        ins = outs
    return S(*layers, head(ins))


def xception() -> nn.Module:
    def separable(ins: int, outs: int) -> nn.Module:
        depth = nn.Conv2d(ins, ins, 3, padding=1, groups=ins, bias=False)
        return S(depth, conv(ins, outs, 1))

    layers: list[nn.Module] = [conv(3, 32, 3, 2), conv(32, 64)]
    ins = 64
    for outs in (128, 256, 728):
        path = S(separable(ins, outs), separable(outs, outs), nn.MaxPool2d(3, 2, 1))
        layers.append(plus(path, conv(ins, outs, 1, 2, act=None)))
        ins = outs
    layers += [plus(S(*(separable(ins, ins) for _ in range(3))), nn.Identity()) for _ in range(4)]
    return S(*layers, head(ins))


def darknet() -> nn.Module:
    """Cross-stage partial connections."""
    layers: list[nn.Module] = [conv(3, 32, act=nn.Mish)]
    for stage, depth in enumerate((1, 2, 4)):
        ins, outs = 32 << stage, 64 << stage
        half = outs // 2
        steps = [plus(S(conv(half, half, 1, act=nn.Mish), conv(half, half, act=nn.Mish)),
                      nn.Identity()) for _ in range(depth)]  # fmt: skip
        layers += [conv(ins, outs, 3, 2, act=nn.Mish),
                   cat(S(conv(outs, half, 1), *steps), conv(outs, half, 1)),
                   conv(outs, outs, 1)]  # fmt: skip
    return S(*layers, head(256))


def repvgg() -> nn.Module:
    """A 3x3, a 1x1 and a normalised identity side by side."""
    layers: list[nn.Module] = []
    ins = 3
    for outs, depth in ((64, 2), (128, 4), (256, 4), (512, 1)):
        for i in range(depth):
            s = 1 if i else 2
            same = [nn.BatchNorm2d(ins)] if s == 1 else []
            layers += [plus(conv(ins, outs, 3, s, act=None), conv(ins, outs, 1, s, act=None),
                            *same), nn.ReLU()]  # fmt: skip
            ins = outs
    return S(*layers, head(ins))


class Resolutions(nn.Module):
    """Two resolutions side by side that exchange (HRNet)."""

    def __init__(self, fine: int = 32, coarse: int = 64) -> None:
        super().__init__()
        self.fine, self.coarse = conv(fine, fine), conv(coarse, coarse)
        self.down, self.up = conv(fine, coarse, 3, 2), conv(coarse, fine, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine, coarse = self.fine(x), self.coarse(self.down(x))
        up = F.interpolate(self.up(coarse), size=x.shape[-2:], mode="nearest")
        return F.relu(fine + up)


def hrnet() -> nn.Module:
    return S(conv(3, 64, 3, 2), conv(64, 32, 3, 2), *(Resolutions() for _ in range(4)), head(32))
