"""GRU: one recurrent layer over the flattened frames, or over the embedded tokens of a story.

Readout: the hidden state after the last step, to a linear classifier.
"""

from __future__ import annotations

from liafbench.baselines import layers
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.registry import Baseline, Layers


def fill(backbone: Backbone, engine: str) -> Layers:
    """torch.nn.GRU; it never sees the padding of a story and starts with long memories."""
    return layers.recurrent_network(backbone, "gru")


GRU = Baseline("gru", "GRU", "cho2014gru", fill)
