"""ConvLSTM: every convolution with a neuron becomes a ConvLSTM of its channels and kernel.

Readout: the last step of the last ConvLSTM goes through the dense stages with ReLU to a linear
classifier.
"""

from __future__ import annotations

from liafbench.baselines import layers
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.registry import Baseline, Layers, refuses_tokens
from liafbench.baselines.stages import Conv, Dropout, NeuronOnly, Placed, Pool, before_dense


def fill(backbone: Backbone, engine: str) -> Layers:
    """ConvLSTM stages on all steps, the rest on the last step."""
    temporal, rest = before_dense(backbone.places())
    built: Layers = {}
    for place in temporal:
        built |= _stage(place)
    return built | {"last_step": layers.LastStep()} | layers.relu_layers(rest)


def _stage(place: Placed) -> Layers:
    name, stage = place.name, place.stage
    match stage:
        case Conv(unit="neuron"):
            return {name: layers.ConvLSTM(place.shape_in[0], stage)}
        case Conv():
            return {name: layers.Folded(*layers.convolution(place)), **layers.relu(place)}
        case Pool():
            return {name: layers.Folded(layers.pool(stage))}
        case Dropout():
            return {name: layers.TimeDropout(stage.p)}
    raise AssertionError(f"{stage} has no ConvLSTM form")


def _refuses(backbone: Backbone) -> str | None:
    if any(isinstance(stage, NeuronOnly) for stage in backbone.stages):
        return "a neuron without a synapse has no ConvLSTM form"
    if not any(isinstance(stage, Conv) for stage in backbone.stages):
        return refuses_tokens(backbone) or "the backbone has no convolution"
    return None


CONV_LSTM = Baseline("conv-lstm", "ConvLSTM", "shi2015convlstm", fill, refuses=_refuses)
