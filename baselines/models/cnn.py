"""CNN, a control without time: the backbone with ReLU on the mean frame.

Readout: its linear classifier.
"""

from __future__ import annotations

from liafbench.baselines import layers
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.registry import Baseline, Layers, refuses_tokens


def fill(backbone: Backbone, engine: str) -> Layers:
    """One pass over the average of all frames."""
    return {"mean_frame": layers.MeanOverTime()} | layers.relu_layers(backbone.places())


def _refuses(backbone: Backbone) -> str | None:
    reason = refuses_tokens(backbone)
    return reason and f"{reason}; bag-of-words is the control without time on tokens"


CNN = Baseline("cnn", "CNN on the mean frame", "", fill, role="control", refuses=_refuses)
