"""What each engine can express, found by asking it."""

from __future__ import annotations

from typing import Any

import torch

from liafbench.baselines.engines.registry import ENGINES, KINDS, make_neuron
from liafbench.baselines.errors import UsageError

SETTINGS: dict[str, dict[str, Any]] = {
    "hard reset to 0": {"v_reset": 0.0},
    "hard reset to 0, detached": {"v_reset": 0.0, "detach_reset": True},
    "hard reset to another value": {"v_reset": 0.2},
    "soft reset": {"v_reset": None},
    "soft reset, detached, alpha = 1": {"v_reset": None, "alpha": 1.0, "detach_reset": True},
    "alpha = 0": {"alpha": 0.0, "detach_reset": True},
    "alpha = 1": {"alpha": 1.0, "detach_reset": True},
    "beta, gain": {"beta": 0.1, "gain": 0.7, "detach_reset": True},
    "time constant, decay_input": {"tau": 3.0, "decay_input": True, "detach_reset": True},
    "alpha per channel": {"alpha": torch.tensor([0.3, 0.9]), "detach_reset": True},
    "v_threshold per channel": {"v_threshold": torch.tensor([0.5, 1.0]), "detach_reset": True},
    "alpha learnable": {"learnable": ("alpha",), "detach_reset": True},
    "beta learnable": {"learnable": ("beta",), "detach_reset": True},
    "v_threshold learnable": {"learnable": ("v_threshold",), "detach_reset": True},
    "recurrent": {"recurrent": 4, "detach_reset": True},
    "surrogate rect": {"surrogate": "rect", "detach_reset": True},
    "surrogate triangle": {"surrogate": "triangle", "detach_reset": True},
    "surrogate sigmoid": {"surrogate": "sigmoid", "detach_reset": True},
    "surrogate atan": {"surrogate": "atan", "detach_reset": True},
    "activation selu (LIAF)": {"activation": "selu", "detach_reset": True},
    "threshold related (LIAF)": {"threshold_related": True, "detach_reset": True},
    "scale_reset (KLIF)": {"scale_reset": True, "detach_reset": True},
}


def _applies(kind: str, setting: str) -> bool:
    return "(" not in setting or setting.endswith(f"({kind.upper()})")


def capabilities() -> list[dict[str, str]]:
    """One row per neuron and setting: an empty cell where the engine can, else the reason."""
    rows = []
    for kind in KINDS:
        for setting, settings in SETTINGS.items():
            if _applies(kind, setting):
                row = {"neuron": kind, "setting": setting}
                row |= {engine: _reason(engine, kind, settings) for engine in ENGINES}
                rows.append(row)
    return rows


def _reason(engine: str, kind: str, settings: dict[str, Any]) -> str:
    try:
        make_neuron(engine, kind, **settings)
    except UsageError as error:
        return str(error)
    return ""
