"""The stages behind the temporal part of a network without spiking neurons: no time any more."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from liafbench.baselines.layers.readout import Vote
from liafbench.baselines.layers.synapses import convolution, dense, pool
from liafbench.baselines.stages import Conv, Dense, Dropout, NeuronOnly, Placed, Pool
from liafbench.baselines.stages import Vote as VoteStage


def relu_layers(places: Iterable[Placed]) -> dict[str, nn.Module]:
    """Stages on [B, ...] with ReLU for every neuron; the classifier stays linear."""
    layers: dict[str, nn.Module] = {}
    for place in places:
        layers |= _layers(place)
    return layers


def _layers(place: Placed) -> dict[str, nn.Module]:
    name, stage = place.name, place.stage
    match stage:
        case Conv():
            return {name: nn.Sequential(*convolution(place))} | relu(place)
        case Dense():
            return dense(place) | relu(place)
        case NeuronOnly():
            return relu(place)
        case Pool():
            return {name: pool(stage)}
        case Dropout():
            return {name: nn.Dropout(stage.p)}
        case VoteStage():
            return {name: Vote(stage.size)}
    raise AssertionError(f"{stage} cannot follow the temporal layers")


def relu(place: Placed) -> dict[str, nn.Module]:
    """The ReLU in the place of a neuron; none behind a linear stage and behind the classifier."""
    stage = place.stage
    assert isinstance(stage, Conv | Dense | NeuronOnly)
    linear = not isinstance(stage, NeuronOnly) and stage.unit == "none"
    return {} if place.classifier or linear else {f"{place.name}_relu": nn.ReLU()}
