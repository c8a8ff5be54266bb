"""Frames of all steps as one volume [B, C, T, H, W], for convolutions over time and space."""

from __future__ import annotations

from torch import Tensor, nn

from liafbench.baselines.neurons.step import state_dtype
from liafbench.baselines.stages import Conv, Pool


class ToVolume(nn.Module):
    """[T, B, C, H, W] to [B, C, T, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        """Time becomes the depth of a volume."""
        return x.permute(1, 2, 0, 3, 4)


class MeanOverDepth(nn.Module):
    """[B, C, T, H, W] to its mean over time, [B, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        """Average over the depth, in float32 or wider like every readout."""
        return x.mean(2, dtype=state_dtype(x.dtype))


def volume_convolution(in_channels: int, stage: Conv) -> nn.Sequential:
    """Conv3d of 3 steps, and BatchNorm3d where the stage asks for it."""
    conv = nn.Conv3d(
        in_channels,
        stage.channels,
        (3, stage.kernel, stage.kernel),
        stride=(1, stage.stride, stage.stride),
        padding=(1, stage.kernel // 2, stage.kernel // 2),
        bias=stage.bias,
    )
    norm = [nn.BatchNorm3d(stage.channels)] if stage.norm else []
    return nn.Sequential(conv, *norm)


def volume_pool(stage: Pool) -> nn.Module:
    """Pooling of every step by itself."""
    size = (1, stage.size, stage.size)
    return nn.AvgPool3d(size) if stage.kind == "avg" else nn.MaxPool3d(size)
