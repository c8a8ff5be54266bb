"""What a cell gives its run file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bench.runs.records import Record


@dataclass
class Outcome:
    """Records and what stands beside them; `state` is the weights of a checkpoint."""

    records: list[Record]
    curves: dict[str, list[float]] = field(default_factory=dict)
    health: list[dict[str, Any]] = field(default_factory=list)
    predictions: dict[str, Any] = field(default_factory=dict)
    layers: list[dict[str, Any]] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Tensor] | None = None
