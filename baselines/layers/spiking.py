"""A backbone filled with spiking neurons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from liafbench.baselines.backbones import SPIKING_OPTIONS, Backbone
from liafbench.baselines.engines import make_neuron
from liafbench.baselines.errors import UsageError
from liafbench.baselines.layers.dropout import TimeDropout
from liafbench.baselines.layers.folded import Folded
from liafbench.baselines.layers.readout import LastStep, MeanOverTime, Vote
from liafbench.baselines.layers.synapses import convolution, dense, pool
from liafbench.baselines.layers.tokens import embedding
from liafbench.baselines.stages import Conv, Dense, Dropout, Embed, NeuronOnly, Placed, Pool
from liafbench.baselines.stages import Vote as VoteStage

NeuronFor = Callable[[Placed], nn.Module]


def spiking_network(
    backbone: Backbone, engine: str, kind: str, recurrent: bool = False, **options: Any
) -> dict[str, nn.Module]:
    """A backbone with neurons of one kind, made by an engine; `options` as in `neurons`."""
    return fill(backbone, neurons(backbone, engine, kind, recurrent, **options))


def neurons(
    backbone: Backbone, engine: str, kind: str, recurrent: bool = False, **options: Any
) -> NeuronFor:
    """A factory of one kind of neuron with the backbone's settings, overridden by `options`.

    The recurrent forms reset hard: with a soft reset the analog output of LIAF, fed back, lets
    its potential grow without bound over a story.
    """
    settings = {name: getattr(backbone.spiking, name) for name in SPIKING_OPTIONS}
    settings |= {"v_reset": 0.0} if recurrent else {}
    settings |= options
    if backbone.tokens:
        _check_rest(backbone, settings)
    learnable_alpha = settings.pop("learnable_alpha")

    def neuron(place: Placed) -> nn.Module:
        own = dict(settings)
        if learnable_alpha:
            own["alpha"] = torch.full(place.shape_out, float(settings["alpha"]), device="cpu")
            own["learnable"] = ("alpha",)
        if recurrent:
            own["recurrent"] = place.shape_out[0]
        # A neuron checks the values it is given, and on the meta device there are none.
        device = torch.get_default_device()
        with torch.device("cpu"):
            return make_neuron(engine, kind, **own).to(device)

    return neuron


def fill(backbone: Backbone, neuron: NeuronFor) -> dict[str, nn.Module]:
    """Synapses folded over time with neurons between them, then the readout.

    The readout is the backbone's: the mean over time of the last layer's output, or the last
    step, which a linear classifier then sees alone.
    """
    layers: dict[str, nn.Module] = {}
    for place in backbone.places():
        if backbone.readout == "last" and place.classifier and _linear(place):
            layers["last_step"] = LastStep()
        layers |= _layers(place, neuron)
    if backbone.readout == "mean":
        layers["mean_over_time"] = MeanOverTime()
    elif "last_step" not in layers:
        layers["last_step"] = LastStep()
    return layers


def _layers(place: Placed, neuron: NeuronFor) -> dict[str, nn.Module]:
    name, stage = place.name, place.stage
    match stage:
        case Conv():
            return {name: Folded(*convolution(place))} | _unit(place, neuron)
        case Dense():
            return dense(place) | _unit(place, neuron)
        case NeuronOnly():
            return {f"{name}_neuron": neuron(place)}
        case Pool():
            return {name: Folded(pool(stage))}
        case Dropout():
            return {name: TimeDropout(stage.p)}
        case VoteStage():
            return {name: Vote(stage.size)}
        case Embed():
            return {name: embedding(stage)}


def _unit(place: Placed, neuron: NeuronFor) -> dict[str, nn.Module]:
    assert isinstance(place.stage, Conv | Dense)
    match place.stage.unit:
        case "neuron":
            return {f"{place.name}_neuron": neuron(place)}
        case "relu":
            return {f"{place.name}_relu": nn.ReLU()}
        case "none":
            return {}


def _check_rest(backbone: Backbone, settings: dict[str, Any]) -> None:
    """UsageError where padding, which embeds to zero, would not leave the neurons at rest."""
    biased = [
        place.name
        for place in backbone.places()
        if isinstance(place.stage, Dense) and place.stage.bias and not place.classifier
    ]
    drives = {
        f"a bias (of {', '.join(biased)})": bool(biased),
        f"v_reset={settings['v_reset']}": settings["v_reset"] not in (None, 0),
        "a threshold-related activation other than relu": settings.get("threshold_related")
        and settings.get("activation", "relu") != "relu",
    }
    for what, present in drives.items():
        if present:
            raise UsageError(
                f"{what} drives the neurons during padding, so that a story's result would "
                "depend on the other samples in the batch: leave it out on tokens"
            )


def _linear(place: Placed) -> bool:
    return isinstance(place.stage, Dense) and place.stage.unit == "none"
