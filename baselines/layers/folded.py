"""Time folded into the batch: one call for all steps."""

from __future__ import annotations

from torch import Tensor, nn


class Folded(nn.Sequential):
    """Per-frame modules on [T, B, ...], called once on [T * B, ...]."""

    def forward(self, x: Tensor) -> Tensor:
        """[T, B, ...] to [T, B, ...]."""
        steps, batch = x.shape[:2]
        return super().forward(x.flatten(0, 1)).unflatten(0, (steps, batch))
