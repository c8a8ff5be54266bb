"""Spatiotemporal networks that fill the same backbones, so that one thing differs at a time.

net = build("liaf-net", "dvs128-gesture")
logits = net(torch.rand(60, 8, 2, 32, 32))          # [T, B, C, H, W] -> [B, classes]
"""

from __future__ import annotations

from typing import Any

from liafbench.baselines import backbones, outside, plugins
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.bag_of_words import BAG_OF_WORDS
from liafbench.baselines.budget import width_for
from liafbench.baselines.cnn import CNN
from liafbench.baselines.conv3d import CONV3D
from liafbench.baselines.conv_lstm import CONV_LSTM
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError, unknown
from liafbench.baselines.gru import GRU
from liafbench.baselines.klif import KLIF, KLIF_RECURRENT
from liafbench.baselines.liaf_net import LIAF_NET, LIAF_NET_ALPHA0, LIAF_NET_RECURRENT
from liafbench.baselines.lif_snn import LIF_SNN, LIF_SNN_RECURRENT
from liafbench.baselines.lstm import LSTM
from liafbench.baselines.network import Network
from liafbench.baselines.registry import Baseline, resolve

__all__ = ["BASELINES", "Backbone", "Baseline", "Network", "backbones", "build", "get"]

BASELINES: dict[str, Baseline] = {
    baseline.name: baseline
    for baseline in (
        LIAF_NET,
        KLIF,
        LIF_SNN,
        LSTM,
        GRU,
        CONV_LSTM,
        CONV3D,
        CNN,
        LIAF_NET_ALPHA0,
        BAG_OF_WORDS,
        LIAF_NET_RECURRENT,
        KLIF_RECURRENT,
        LIF_SNN_RECURRENT,
    )
}


def get(name: str) -> Baseline:
    """A baseline by name, `package.module:function` too; UsageError with the nearest match."""
    found = BASELINES.get(name) or outside.baseline(name)
    if found is None:
        raise unknown("baseline", name, [*BASELINES, *plugins.declared(plugins.BASELINE_GROUP)])
    return found


def build(
    name: str,
    task: str,
    backbone: str | Backbone | None = None,
    engine: str = "native",
    budget: str | None = None,
    **options: Any,
) -> Network:
    """A network of a baseline for a task, initialised from torch's random state.

    `backbone`: a name (None: the task's first) or a Backbone of your own. `budget`: a baseline
    whose parameter count the width is fitted to. `options`: `layers` on tokens, and what the
    baseline takes (`Baseline.options`). UsageError for anything that cannot be built.
    """
    baseline = get(name)
    if engine not in ENGINES and engine not in baseline.engines:
        raise unknown("engine", engine, ENGINES)
    filled = resolve(task, backbone, options.pop("layers", None))
    for option in options:
        if option not in baseline.options:
            raise unknown(f"option of {name}", option, (*baseline.options, "layers"))
    filled.places()  # says which stages do not fit together
    reason = baseline.refuses(filled)
    if reason:
        raise UsageError(f"{name} cannot serve {task} on backbone {filled.name!r}: {reason}")
    width = 1.0
    if budget is not None:
        width = width_for(baseline, get(budget), filled)
        filled = filled.scaled(width)
    return Network(baseline.fill(filled, engine, **options), name, filled, width)
