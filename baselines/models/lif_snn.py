"""LIF-SNN: the spiking network of leaky integrate-and-fire neurons.

Readout: the mean over time of the last layer (spike rates where it is a neuron layer); on tokens
the last step to a linear classifier.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from liafbench.baselines import layers
from liafbench.baselines.backbones import SPIKING_OPTIONS, Backbone
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.registry import Baseline, Layers, refuses_frames


def fill(backbone: Backbone, engine: str, recurrent: bool = False, **options: Any) -> Layers:
    """LIF neurons."""
    return layers.spiking_network(backbone, engine, "lif", recurrent, **options)


LIF_SNN = Baseline(
    "lif-snn", "LIF-SNN", "wu2018stbp", fill, engines=ENGINES, options=SPIKING_OPTIONS
)
LIF_SNN_RECURRENT = Baseline(
    "lif-snn-recurrent",
    "LIF-SNN, recurrent",
    "wu2018stbp",
    partial(fill, recurrent=True),
    role="variant",
    engines=ENGINES,
    options=SPIKING_OPTIONS,
    refuses=refuses_frames,
)
