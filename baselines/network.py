"""What `build` returns."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from liafbench.baselines.backbones import Backbone
from liafbench.baselines.registry import Layers


class Network(nn.Sequential):
    """Named layers in order; frames [T, B, C, H, W] or tokens [T, B] to logits [B, classes]."""

    def __init__(self, layers: Layers, baseline: str, backbone: Backbone, width: float) -> None:
        super().__init__(OrderedDict(layers))
        self.baseline = baseline
        self.backbone = backbone
        """As it was filled, at its width."""
        self.width = width
        """The factor on hidden channels, features and units; 1 at equal backbone."""
