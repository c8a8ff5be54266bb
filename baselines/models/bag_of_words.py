"""Bag of words, the control without time on tokens: the mean embedding of a story.

Readout: dense stages with ReLU, then a linear classifier.
"""

from __future__ import annotations

from liafbench.baselines import layers
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.registry import Baseline, Layers, refuses_frames
from liafbench.baselines.stages import Embed


def fill(backbone: Backbone, engine: str) -> Layers:
    """The order of the words is lost."""
    embed, *places = backbone.places()
    assert isinstance(embed.stage, Embed)
    mean = layers.MeanEmbedding(layers.embedding(embed.stage))
    return {embed.name: mean} | layers.relu_layers(places)


BAG_OF_WORDS = Baseline(
    "bag-of-words", "Bag of words", "", fill, role="control", refuses=refuses_frames
)
