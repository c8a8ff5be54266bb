"""The modules that backbones are filled with."""

from __future__ import annotations

from baselines.layers.conv_lstm import ConvLSTM
from baselines.layers.dropout import TimeDropout
from baselines.layers.folded import Folded
from baselines.layers.readout import FinalState, LastStep, MeanOverTime, Vote
from baselines.layers.tokens import MeanEmbedding, PackedEmbedding

__all__ = [
    "ConvLSTM",
    "FinalState",
    "Folded",
    "LastStep",
    "MeanEmbedding",
    "MeanOverTime",
    "PackedEmbedding",
    "TimeDropout",
    "Vote",
]
