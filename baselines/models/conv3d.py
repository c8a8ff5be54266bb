"""Conv3D: every k x k convolution becomes 3 x k x k over time and space, with ReLU.

Readout: the mean over time goes through the dense stages with ReLU to a linear classifier.
"""

from __future__ import annotations

from liafbench.baselines import layers
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.registry import Baseline, Layers, refuses_tokens
from liafbench.baselines.stages import Conv, Dropout, NeuronOnly, Placed, Pool, before_dense


def fill(backbone: Backbone, engine: str) -> Layers:
    """Volumes up to the first dense stage."""
    temporal, rest = before_dense(backbone.places())
    built: Layers = {"to_volume": layers.ToVolume()}
    for place in temporal:
        built |= _stage(place)
    return built | {"mean_over_time": layers.MeanOverDepth()} | layers.relu_layers(rest)


def _stage(place: Placed) -> Layers:
    name, stage = place.name, place.stage
    match stage:
        case Conv():
            return {name: layers.volume_convolution(place.shape_in[0], stage)} | layers.relu(place)
        case NeuronOnly():
            return layers.relu(place)
        case Pool():
            return {name: layers.volume_pool(stage)}
        case Dropout():
            return {name: layers.VolumeDropout(stage.p)}
    raise AssertionError(f"{stage} has no Conv3D form")


CONV3D = Baseline("conv3d", "Conv3D", "tran2015c3d", fill, refuses=refuses_tokens)
