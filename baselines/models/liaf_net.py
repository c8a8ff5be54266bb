"""LIAF-Net: neurons that integrate and reset like LIF and put out an analog value.

Readout: the mean over time of the last layer; on tokens the last step to a linear classifier.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from liafbench.baselines import layers
from liafbench.baselines.backbones import SPIKING_OPTIONS, Backbone
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.registry import Baseline, Layers, refuses_frames

OPTIONS = (*SPIKING_OPTIONS, "activation", "slope", "threshold_related")


def fill(backbone: Backbone, engine: str, recurrent: bool = False, **options: Any) -> Layers:
    """LIAF neurons, ReLU of the membrane potential by default."""
    return layers.spiking_network(backbone, engine, "liaf", recurrent, **options)


def without_memory(backbone: Backbone, engine: str, **options: Any) -> Layers:
    """LIAF with alpha 0: the same ReLU network at each step."""
    return fill(backbone, engine, alpha=0.0, learnable_alpha=False, **options)


LIAF_NET = Baseline("liaf-net", "LIAF-Net", "wu2022liafnet", fill, engines=ENGINES, options=OPTIONS)
LIAF_NET_ALPHA0 = Baseline(
    "liaf-net-alpha0",
    "LIAF-Net, alpha 0",
    "wu2022liafnet",
    without_memory,
    role="control",
    engines=ENGINES,
    options=tuple(name for name in OPTIONS if "alpha" not in name),
)
LIAF_NET_RECURRENT = Baseline(
    "liaf-net-recurrent",
    "LIAF-Net, recurrent",
    "wu2022liafnet",
    partial(fill, recurrent=True),
    role="variant",
    engines=ENGINES,
    options=OPTIONS,
    refuses=refuses_frames,
)
