"""Dropout for sequences."""

from __future__ import annotations

from torch import Tensor, nn


class TimeDropout(nn.Dropout):
    """Dropout of [T, B, ...] whose mask stays the same over the time steps of a sample."""

    def forward(self, x: Tensor) -> Tensor:
        """[T, B, ...] to [T, B, ...]."""
        if not self.training:
            return x
        return x * super().forward(x.new_ones(x.shape[1:]))


class VolumeDropout(nn.Dropout):
    """Dropout of volumes [B, C, T, H, W] whose mask stays the same over their depth, time."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, H, W] to [B, C, T, H, W]."""
        if not self.training:
            return x
        return x * super().forward(x.new_ones(x[:, :, :1].shape))
