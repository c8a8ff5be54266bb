"""Torch modules for the stages that are the same in every baseline."""

from __future__ import annotations

from torch import nn

from liafbench.baselines.layers.pooling import AveragePool2x2
from liafbench.baselines.stages import Conv, Dense, Placed, Pool


def convolution(place: Placed) -> list[nn.Module]:
    """Conv2d, and BatchNorm2d where the stage asks for it."""
    stage = place.stage
    assert isinstance(stage, Conv)
    conv = nn.Conv2d(
        place.shape_in[0],
        stage.channels,
        stage.kernel,
        stage.stride,
        padding=stage.kernel // 2,
        bias=stage.bias,
    )
    return [conv, nn.BatchNorm2d(stage.channels)] if stage.norm else [conv]


def dense(place: Placed) -> dict[str, nn.Module]:
    """Linear over the features, the frame flattened first where it is not flat."""
    stage = place.stage
    assert isinstance(stage, Dense)
    features = 1
    for size in place.shape_in:
        features *= size
    linear = nn.Linear(features, stage.features, bias=stage.bias)
    if len(place.shape_in) == 1:
        return {place.name: linear}
    return {"flatten": nn.Flatten(-len(place.shape_in)), place.name: linear}


def pool(stage: Pool) -> nn.Module:
    """Spatial pooling of frames."""
    if stage.kind == "max":
        return nn.MaxPool2d(stage.size)
    return AveragePool2x2() if stage.size == 2 else nn.AvgPool2d(stage.size)
