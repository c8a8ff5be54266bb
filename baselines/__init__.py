"""Spatiotemporal networks that fill the same backbones, so that one thing differs at a time.

net = build("liaf-net", "dvs128-gesture")
logits = net(torch.rand(60, 8, 2, 32, 32))          # [T, B, C, H, W] -> [B, classes]

Importing this package does not import torch: names can be listed without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from liafbench.baselines import backbones, plugins
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.budget import width_for
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError, unknown
from liafbench.baselines.models import BASELINES
from liafbench.baselines.registry import Baseline, adapt, resolve

if TYPE_CHECKING:
    from liafbench.baselines.network import Network

__all__ = ["BASELINES", "Backbone", "Baseline", "Network", "backbones", "build", "get"]


def get(name: str) -> Baseline:
    """A baseline by name, `package.module:function` too; UsageError with the nearest match."""
    if name in BASELINES:
        return BASELINES[name]
    found = plugins.find(plugins.BASELINE_GROUP, name)
    if found is None:
        raise unknown("baseline", name, [*BASELINES, *plugins.declared(plugins.BASELINE_GROUP)])
    return adapt(name, found)


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
    from liafbench.baselines.network import Network

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


def __getattr__(name: str) -> Any:
    if name != "Network":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from liafbench.baselines.network import Network

    return Network
