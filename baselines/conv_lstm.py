"""ConvLSTM: every convolution with a neuron becomes a ConvLSTM of its channels and kernel.

Readout: the last step of the last ConvLSTM goes through the dense stages with ReLU to a linear
classifier.
"""

from __future__ import annotations

from liafbench.baselines.backbones import Backbone
from liafbench.baselines.layers.analog import relu, still
from liafbench.baselines.layers.conv_lstm import ConvLSTM as ConvLSTMLayer
from liafbench.baselines.layers.dropout import TimeDropout
from liafbench.baselines.layers.folded import Folded
from liafbench.baselines.layers.readout import LastStep
from liafbench.baselines.layers.synapses import convolution, pool
from liafbench.baselines.registry import Baseline, Layers, refuses_tokens
from liafbench.baselines.stages import Conv, Dense, Direct, Dropout, Placed, Pool


def fill(backbone: Backbone, engine: str) -> Layers:
    """ConvLSTM stages on all steps, the rest on the last step."""
    places = backbone.places()
    dense = next(i for i, place in enumerate(places) if isinstance(place.stage, Dense))
    layers: Layers = {}
    for place in places[:dense]:
        layers |= _layers(place)
    return layers | {"last_step": LastStep()} | still(places[dense:])


def _layers(place: Placed) -> Layers:
    name, stage = place.name, place.stage
    match stage:
        case Conv(unit="neuron"):
            return {name: ConvLSTMLayer(place.shape_in[0], stage)}
        case Conv():
            return {name: Folded(*convolution(place)), **relu(place)}
        case Pool():
            return {name: Folded(pool(stage))}
        case Dropout():
            return {name: TimeDropout(stage.p)}
    raise AssertionError(f"{stage} has no ConvLSTM form")


def _refuses(backbone: Backbone) -> str | None:
    if any(isinstance(stage, Direct) for stage in backbone.stages):
        return "a neuron without a synapse has no ConvLSTM form"
    if not any(isinstance(stage, Conv) for stage in backbone.stages):
        return refuses_tokens(backbone) or "the backbone has no convolution"
    return None


CONV_LSTM = Baseline("conv-lstm", "ConvLSTM", "shi2015convlstm", fill, refuses=_refuses)
