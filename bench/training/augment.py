"""Augmentations of the published recipes, for frames [T, B, C, H, W]; the same for every step."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def make_augmentation(name: str) -> Augmentation | None:
    """The augmentation of that name in a recipe; None for "none"."""
    return {"none": None, "plif-mnist": random_affine, "crop-flip": crop_and_flip}[name]


def random_affine(
    x: Tensor,
    generator: torch.Generator,
    degrees: float = 30.0,
    translate: float = 0.15,
    scale: tuple[float, float] = (0.85, 1.11),
) -> Tensor:
    """Rotate, shift and scale each sample by its own draw; nearest pixel, empty border of 0."""
    steps, samples = x.shape[:2]
    draw = torch.rand(4, samples, generator=generator)
    angle = (2 * draw[0] - 1) * math.radians(degrees)
    zoom = 1 / (scale[0] + draw[1] * (scale[1] - scale[0]))
    # affine_grid works in half-widths, a shift by a share of the width is twice that share.
    shift = (2 * draw[2:4] - 1) * translate * 2
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    matrix = torch.stack(
        [torch.stack([cos, -sin, shift[0]], dim=1), torch.stack([sin, cos, shift[1]], dim=1)],
        dim=1,
    )
    grid = F.affine_grid(matrix, [samples, *x.shape[2:]], align_corners=False)
    folded = x.transpose(0, 1).flatten(1, 2)  # every step of a sample takes the same grid
    moved = F.grid_sample(folded, grid.to(x.dtype), mode="nearest", align_corners=False)
    return moved.unflatten(1, (steps, x.shape[2])).transpose(0, 1)


def crop_and_flip(x: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """Crop each sample at a random place of its zero-padded frame, mirror half of them."""
    height, width = x.shape[-2:]
    padded = F.pad(x, (padding,) * 4)
    draw = torch.rand(3, x.shape[1], generator=generator)
    tops, lefts = ((draw[:2] * (2 * padding + 1)).long()).tolist()
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for sample, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        crop = padded[:, sample, :, top : top + height, left : left + width]
        out[:, sample] = crop.flip(-1) if draw[2, sample] < 0.5 else crop
    return out
