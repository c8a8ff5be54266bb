"""Conv3D: every k x k convolution becomes 3 x k x k over time and space, with ReLU.

Readout: the mean over time goes through the dense stages with ReLU to a linear classifier.
"""

from __future__ import annotations

from torch import Tensor, nn

from liafbench.baselines.backbones import Backbone
from liafbench.baselines.layers.analog import relu, still
from liafbench.baselines.layers.dropout import VolumeDropout
from liafbench.baselines.neurons.step import state_dtype
from liafbench.baselines.registry import Baseline, Layers, refuses_tokens
from liafbench.baselines.stages import Conv, Dense, Direct, Dropout, Placed, Pool


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


def fill(backbone: Backbone, engine: str) -> Layers:
    """Volumes up to the first dense stage."""
    places = backbone.places()
    dense = next(i for i, place in enumerate(places) if isinstance(place.stage, Dense))
    layers: Layers = {"to_volume": ToVolume()}
    for place in places[:dense]:
        layers |= _layers(place)
    return layers | {"mean_over_time": MeanOverDepth()} | still(places[dense:])


def _layers(place: Placed) -> Layers:
    name, stage = place.name, place.stage
    match stage:
        case Conv():
            return {name: _convolution(place.shape_in[0], stage)} | relu(place)
        case Direct():
            return {f"{name}_relu": nn.ReLU()}
        case Pool():
            size = (1, stage.size, stage.size)
            return {name: nn.AvgPool3d(size) if stage.kind == "avg" else nn.MaxPool3d(size)}
        case Dropout():
            return {name: VolumeDropout(stage.p)}
    raise AssertionError(f"{stage} has no Conv3D form")


def _convolution(in_channels: int, stage: Conv) -> nn.Sequential:
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


CONV3D = Baseline("conv3d", "Conv3D", "tran2015c3d", fill, refuses=refuses_tokens)
