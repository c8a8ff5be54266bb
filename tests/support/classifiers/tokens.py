"""Classifiers of patches: attention, mixers, and convolutions in their manner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from support.classifiers.layers import Do, Joined, S, head, plus
from torch import Tensor, nn


class Attention(nn.Module):
    """Self-attention over [B, L, C]; `fused`: as one operator of torch."""

    def __init__(self, size: int, heads: int, fused: bool = False, over_channels: bool = False):
        super().__init__()
        self.heads, self.fused, self.over_channels = heads, fused, over_channels
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        b, length, c = x.shape
        qkv = self.qkv(x).reshape(b, length, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        if self.over_channels:
            y = ((F.normalize(q, dim=-2).mT @ F.normalize(k, dim=-2)).softmax(-1) @ v.mT).mT
        elif self.fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = (q * (c // self.heads) ** -0.5 @ k.transpose(-2, -1)).softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(b, length, c))


class Windows(nn.Module):
    """Attention in windows of a map [B, H, W, C], shifted by half a window or not."""

    def __init__(self, size: int, heads: int, shift: int, window: int = 7) -> None:
        super().__init__()
        self.attention, self.shift, self.window = Attention(size, heads), shift, window

    def forward(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        n = self.window
        x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
        cells = x.view(b, h // n, n, w // n, n, c).transpose(2, 3).reshape(-1, n * n, c)
        y = self.attention(cells).view(b, h // n, w // n, n, n, c).transpose(2, 3)
        return torch.roll(y.reshape(b, h, w, c), (self.shift, self.shift), (1, 2))


def mlp(size: int, ratio: float = 4, act: Any = nn.GELU) -> nn.Module:
    inner = int(ratio * size)
    return S(nn.Linear(size, inner), act(), nn.Dropout(0.1), nn.Linear(inner, size))


def residual(size: int, *layers: nn.Module) -> nn.Module:
    return plus(nn.Identity(), S(nn.LayerNorm(size), *layers))


class Tokens(nn.Module):
    """Patches, a class token, positions."""

    def __init__(self, size: int, patch: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, size, patch, patch)
        self.first = nn.Parameter(torch.zeros(1, 1, size))
        self.places = nn.Parameter(torch.zeros(1, (224 // patch) ** 2 + 1, size))

    def forward(self, x: Tensor) -> Tensor:
        y = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat((self.first.expand(len(x), -1, -1), y), 1) + self.places


def vit(size: int, depth: int, heads: int, patch: int, **how: Any) -> nn.Module:
    blocks = [S(residual(size, Attention(size, heads, **how)), residual(size, mlp(size)))
              for _ in range(depth)]  # fmt: skip
    return S(Tokens(size, patch), *blocks, nn.LayerNorm(size), Do(lambda x: x[:, 0]),
             nn.Linear(size, 1000))  # fmt: skip


def vit_of_torch(size: int, depth: int, heads: int) -> nn.Module:
    layer = nn.TransformerEncoderLayer(size, heads, 4 * size, activation="gelu", batch_first=True)
    encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
    return S(Tokens(size, 32), encoder, Do(lambda x: x.mean(1)), nn.Linear(size, 1000))


def swin(size: int, depths: Iterable[int]) -> nn.Module:
    def merged(x: Tensor) -> Tensor:
        return torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], -1)

    layers: list[nn.Module] = [nn.Conv2d(3, size, 4, 4), Do(lambda x: x.permute(0, 2, 3, 1))]
    for stage, depth in enumerate(depths):
        if stage:
            layers += [
                Do(merged),
                nn.LayerNorm(4 * size),
                nn.Linear(4 * size, 2 * size, bias=False),
            ]
            size *= 2
        for i in range(depth):
            layers += [residual(size, Windows(size, size // 32, 3 * (i % 2))),
                       residual(size, mlp(size))]  # fmt: skip
    return S(*layers, nn.LayerNorm(size), Do(lambda x: x.mean((1, 2))), nn.Linear(size, 1000))


class Turned(nn.Module):
    """A layer along tokens instead of channels."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.transpose(1, 2)).transpose(1, 2)


def mixer(size: int, depth: int, patch: int) -> nn.Module:
    places = (224 // patch) ** 2
    blocks = [S(residual(size, Turned(mlp(places, 0.5))), residual(size, mlp(size)))
              for _ in range(depth)]  # fmt: skip
    patches = S(nn.Conv2d(3, size, patch, patch), nn.Flatten(2), Do(lambda x: x.transpose(1, 2)))
    return S(patches, *blocks, Do(lambda x: x.mean(1)), nn.Linear(size, 1000))


def gated_mlp(size: int = 128, depth: int = 4) -> nn.Module:
    gate = [residual(size, nn.Linear(size, 4 * size), nn.GELU(),
                     Do(lambda x: torch.addcmul(x[..., ::2], x[..., ::2], x[..., 1::2])),
                     nn.Linear(2 * size, size), Turned(nn.Linear(197, 197)))
            for _ in range(depth)]  # fmt: skip
    return S(Tokens(size, 16), *gate, Do(lambda x: x.mean(1)), nn.Linear(size, 1000))


def conv_mixer(size: int, depth: int, kernel: int) -> nn.Module:
    def activated(layer: nn.Module) -> nn.Module:
        return S(layer, nn.GELU(), nn.BatchNorm2d(size))

    layers = [activated(nn.Conv2d(3, size, 14, 14))]
    for _ in range(depth):
        depthwise = nn.Conv2d(size, size, kernel, groups=size, padding="same")
        layers += [plus(nn.Identity(), activated(depthwise)), activated(nn.Conv2d(size, size, 1))]
    return S(*layers, head(size))


class Scaled(nn.Module):
    """A learned scale for every channel."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((size, 1, 1), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        return self.gamma * x


def staged(sizes: Iterable[int], depths: Iterable[int], block: Any) -> nn.Module:
    """A stem of patches and four stages of one kind of block on maps [B, C, H, W]."""
    layers: list[nn.Module] = []
    ins = 3
    for size, depth in zip(sizes, depths, strict=True):
        patch = 4 if ins == 3 else 2
        layers += [nn.Conv2d(ins, size, patch, patch), *(block(size) for _ in range(depth))]
        ins = size
    return S(*layers, nn.GroupNorm(1, ins), head(ins))


def pointwise_mlp(size: int) -> nn.Module:
    return S(nn.Conv2d(size, 4 * size, 1), nn.GELU(), nn.Conv2d(4 * size, size, 1))


def convnext_block(size: int) -> nn.Module:
    turned = Do(lambda x: x.permute(0, 2, 3, 1)), Do(lambda x: x.permute(0, 3, 1, 2))
    path = S(nn.Conv2d(size, size, 7, padding=3, groups=size), turned[0], nn.LayerNorm(size),
             mlp(size), turned[1], Scaled(size))  # fmt: skip
    return plus(nn.Identity(), path)


def poolformer_block(size: int) -> nn.Module:
    pool = Joined(torch.sub, nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.Identity())
    return S(plus(nn.Identity(), S(nn.GroupNorm(1, size), pool, Scaled(size))),
             plus(nn.Identity(), S(nn.GroupNorm(1, size), pointwise_mlp(size))))  # fmt: skip


def large_kernel_block(size: int) -> nn.Module:
    """A gate of dilated depthwise convolutions (VAN)."""
    gate = S(nn.Conv2d(size, size, 5, padding=2, groups=size),
             nn.Conv2d(size, size, 7, padding=9, dilation=3, groups=size),
             nn.Conv2d(size, size, 1))  # fmt: skip
    return S(plus(nn.Identity(), S(nn.BatchNorm2d(size), Joined(torch.mul, nn.Identity(), gate))),
             plus(nn.Identity(), pointwise_mlp(size)))  # fmt: skip


class Reduced(nn.Module):
    """Queries of every position, keys and values of a map shrunk by a convolution (PVT)."""

    def __init__(self, size: int, by: int = 4) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(size, size, by, by, padding=by // 4)
        self.attention = nn.MultiheadAttention(size, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        q, kv = (y.flatten(2).transpose(1, 2) for y in (x, self.shrink(x)))
        y, _ = self.attention(q, kv, kv, need_weights=False)
        return y.transpose(1, 2).reshape(x.shape)


def reduced_block(size: int) -> nn.Module:
    return S(plus(nn.Identity(), S(nn.GroupNorm(1, size), Reduced(size))),
             plus(nn.Identity(), pointwise_mlp(size)))  # fmt: skip
