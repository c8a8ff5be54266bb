"""The modules that backbones are filled with, each imported (and torch with it) when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liafbench.baselines.layers.analog import relu, relu_layers
    from liafbench.baselines.layers.conv_lstm import ConvLSTM
    from liafbench.baselines.layers.dropout import TimeDropout, VolumeDropout
    from liafbench.baselines.layers.folded import Folded
    from liafbench.baselines.layers.readout import LastOutput, LastStep, MeanOverTime, Vote
    from liafbench.baselines.layers.recurrent import recurrent_network
    from liafbench.baselines.layers.spiking import spiking_network
    from liafbench.baselines.layers.synapses import convolution, dense, pool
    from liafbench.baselines.layers.tokens import MeanEmbedding, Reader, embedding
    from liafbench.baselines.layers.volume import (
        MeanOverDepth,
        ToVolume,
        volume_convolution,
        volume_pool,
    )

_MODULES = {
    "analog": ("relu", "relu_layers"),
    "conv_lstm": ("ConvLSTM",),
    "dropout": ("TimeDropout", "VolumeDropout"),
    "folded": ("Folded",),
    "readout": ("LastOutput", "LastStep", "MeanOverTime", "Vote"),
    "recurrent": ("recurrent_network",),
    "spiking": ("spiking_network",),
    "synapses": ("convolution", "dense", "pool"),
    "tokens": ("MeanEmbedding", "Reader", "embedding"),
    "volume": ("MeanOverDepth", "ToVolume", "volume_convolution", "volume_pool"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ConvLSTM",
    "Folded",
    "LastOutput",
    "LastStep",
    "MeanEmbedding",
    "MeanOverDepth",
    "MeanOverTime",
    "Reader",
    "TimeDropout",
    "ToVolume",
    "VolumeDropout",
    "Vote",
    "convolution",
    "dense",
    "embedding",
    "pool",
    "recurrent_network",
    "relu",
    "relu_layers",
    "spiking_network",
    "volume_convolution",
    "volume_pool",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
