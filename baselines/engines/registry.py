"""Which engines there are, and how a neuron of one is made."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from torch import nn

from liafbench.baselines.errors import unknown
from liafbench.baselines.neurons import KLIF, LIAF, LIF

KINDS = {"lif": LIF, "liaf": LIAF, "klif": KLIF}


def _own(engine: str) -> Callable[..., nn.Module]:
    def make(kind: str, **settings: Any) -> nn.Module:
        return KINDS[kind](engine=engine, **settings)

    return make


def _library(engine: str) -> Callable[..., nn.Module]:
    """A library is imported when the first neuron of it is made: it takes seconds."""

    def make(kind: str, **settings: Any) -> nn.Module:
        return importlib.import_module(f"liafbench.baselines.engines.{engine}_engine").make(
            kind, **settings
        )

    return make


ENGINES: dict[str, Callable[..., nn.Module]] = {
    "native": _own("native"),
    "reference": _own("reference"),
    "spikingjelly": _library("spikingjelly"),
    "snntorch": _library("snntorch"),
}


def make_neuron(engine: str, kind: str, **settings: Any) -> nn.Module:
    """A neuron layer: currents [T, B, ...] to outputs [T, B, ...].

    `kind` is lif, liaf or klif; `settings` are the constructor names of LIF, LIAF, KLIF. Raises
    UsageError for a bad name, and with the reason when the engine cannot express a setting.
    """
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    if kind not in KINDS:
        raise unknown("neuron", kind, KINDS)
    return ENGINES[engine](kind, **settings)
