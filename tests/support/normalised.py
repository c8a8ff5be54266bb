"""A model of a user that cannot be trained on one sample: a batch norm over its features."""

from __future__ import annotations

from math import prod
from typing import Any

from torch import Tensor, nn


class Normalised(nn.Module):
    """A linear layer of the mean frame, with a batch norm before it."""

    def __init__(self, shape: Any) -> None:
        super().__init__()
        features = prod(shape.sample_shape)
        self.norm, self.out = nn.BatchNorm1d(features), nn.Linear(features, shape.classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.norm(x.mean(0).flatten(1)))


def build(shape: Any, **options: Any) -> nn.Module:
    """As a suite names it: `normalised:build`."""
    return Normalised(shape)
