"""KLIF: LIF with ReLU(k * H) before firing, k one learnable scalar per layer.

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

OPTIONS = (*SPIKING_OPTIONS, "k", "scale_reset")


def fill(backbone: Backbone, engine: str, recurrent: bool = False, **options: Any) -> Layers:
    """KLIF neurons."""
    return layers.spiking_network(backbone, engine, "klif", recurrent, **options)


KLIF = Baseline("klif", "KLIF", "jiang2023klif", fill, engines=ENGINES, options=OPTIONS)
KLIF_RECURRENT = Baseline(
    "klif-recurrent",
    "KLIF, recurrent",
    "jiang2023klif",
    partial(fill, recurrent=True),
    role="variant",
    engines=ENGINES,
    options=OPTIONS,
    refuses=refuses_frames,
)
