"""Which engines there are, and how a neuron of one is made."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from liafbench.baselines.errors import unknown

if TYPE_CHECKING:
    from torch import nn

KINDS = ("lif", "liaf", "klif")
OWN = ("native", "reference")
ENGINES = (*OWN, "spikingjelly", "snntorch")


def make_neuron(engine: str, kind: str, **settings: Any) -> nn.Module:
    """A neuron layer: currents [T, B, ...] to outputs [T, B, ...].

    `kind` is lif, liaf or klif; `settings` are the constructor names of LIF, LIAF, KLIF. Raises
    UsageError for a bad name, and with the reason when the engine cannot express a setting.
    """
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    if kind not in KINDS:
        raise unknown("neuron", kind, KINDS)
    if engine in OWN:
        neurons = import_module("liafbench.baselines.neurons")
        return getattr(neurons, kind.upper())(engine=engine, **settings)
    # A library is imported when its first neuron is made: that takes seconds.
    made_by = import_module(f"liafbench.baselines.engines.{engine}_engine")
    return made_by.make(kind, **settings)
