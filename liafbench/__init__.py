"""liafbench: spatiotemporal networks on the same data, compared in tables.

`build` makes a network, `count` counts what it costs, `load` reads a data set.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liafbench.baselines import build
    from liafbench.bench.counting import count
    from liafbench.bench.tasks import load

__all__ = ["build", "count", "load"]

_HOMES = {
    "build": "liafbench.baselines",
    "count": "liafbench.bench.counting",
    "load": "liafbench.bench.tasks",
}


def __getattr__(name: str) -> Any:
    # Importing the package must not import torch: the command line starts here.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
