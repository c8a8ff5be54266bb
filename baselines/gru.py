"""GRU: one recurrent layer over the flattened frames, or over the embedded tokens of a story.

Readout: the hidden state after the last step, to a linear classifier.
"""

from __future__ import annotations

from torch import nn

from baselines.backbones import Backbone
from baselines.layers import recurrent
from baselines.registry import Baseline, Layers


def fill(backbone: Backbone, engine: str) -> Layers:
    """torch.nn.GRU; the padding of a story is never seen."""
    return recurrent.fill(backbone, nn.GRU, "gru")


GRU = Baseline("gru", "GRU", "cho2014gru", fill)
