"""The modules that backbones are filled with."""

from __future__ import annotations

from baselines.layers.conv_lstm import ConvLSTM
from baselines.layers.dropout import TimeDropout, VolumeDropout
from baselines.layers.folded import Folded
from baselines.layers.readout import LastOutput, LastStep, MeanOverTime, Vote
from baselines.layers.tokens import MeanEmbedding, Reader

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
