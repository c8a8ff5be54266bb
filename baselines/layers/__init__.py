"""The modules that backbones are filled with."""

from __future__ import annotations

from liafbench.baselines.layers.conv_lstm import ConvLSTM
from liafbench.baselines.layers.dropout import TimeDropout, VolumeDropout
from liafbench.baselines.layers.folded import Folded
from liafbench.baselines.layers.readout import LastOutput, LastStep, MeanOverTime, Vote
from liafbench.baselines.layers.tokens import MeanEmbedding, Reader

__all__ = [
    "ConvLSTM",
    "Folded",
    "LastOutput",
    "LastStep",
    "MeanEmbedding",
    "MeanOverTime",
    "Reader",
    "TimeDropout",
    "VolumeDropout",
    "Vote",
]
