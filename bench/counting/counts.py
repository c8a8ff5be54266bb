"""What a call of a network costs, in all and layer by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

STRUCTURE = ("weights", "parameters", "synapses", "neurons", "embedding")
OPERATIONS = (
    "mac_dense",
    "mac_effective",
    "ac",
    "ac_folded",
    "elementwise",
    "flops",
    "neuron_updates",
    "adds",
    "muls",
    "activation_words",
    "state_words",
)
SPARSE = ("mac_effective", "ac", "ac_folded")
METRICS: dict[str, str] = {
    **dict.fromkeys(STRUCTURE, "1"),
    **dict.fromkeys(OPERATIONS, "1/sample"),
    "spike_rate": "1",
}
"""Every metric and its unit."""

Number = int | float


@dataclass(frozen=True)
class Counts:
    """Operations per sample, and structure; see docs/counting.md for every definition.

    The sparse columns are None where there were no values to count (meta tensors). `by_layer` has
    one row for every module path; its columns sum to the totals. `samples` is their number and
    `each` what every one of them cost, where samples were counted one by one.
    """

    weights: int
    parameters: int
    synapses: int
    neurons: int
    embedding: int
    mac_dense: Number
    mac_effective: Number | None
    ac: Number | None
    ac_folded: Number | None
    elementwise: Number
    flops: Number
    neuron_updates: Number
    adds: Number
    muls: Number
    activation_words: Number
    state_words: Number
    spike_rate: float | None
    samples: int
    by_layer: pd.DataFrame = field(repr=False, compare=False)
    each: tuple[Mapping[str, float], ...] = field(default=(), repr=False, compare=False)
    """The operations of every sample, in the order of the samples."""

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation over samples of every operation count; one sample has none."""
        if len(self.each) < 2:
            return {}
        return {name: deviation([e[name] for e in self.each]) for name in OPERATIONS}

    def to_dict(self) -> dict[str, Any]:
        """Totals, and a list of layers, as plain numbers."""
        totals = {name: getattr(self, name) for name in METRICS} | {"samples": self.samples}
        rows = self.by_layer.astype(object).where(self.by_layer.notna(), None)
        layers = rows.reset_index().to_dict("records")
        return {**totals, "spread": self.spread, "by_layer": layers}


def exact(total: float, samples: int) -> Number:
    """A mean that stays an integer where it is one."""
    return int(total) // samples if total % samples == 0 else total / samples


def table(
    structure: Mapping[str, Mapping[str, int]],
    operations: Mapping[str, Mapping[str, int]],
    samples: int,
    sparse: bool,
    paths: Sequence[str],
) -> pd.DataFrame:
    """Rows by module path in the network's order: structure, operations per sample, activity."""
    rows: dict[str, dict[str, Any]] = {}
    for path in paths:
        row: dict[str, Any] = {name: structure[name].get(path, 0) for name in STRUCTURE}
        own = operations.get(path, {})
        for name in OPERATIONS:
            if name in SPARSE and not sparse:
                row[name] = None
            else:
                row[name] = exact(own.get(name, 0), samples)
        row["active"], row["outputs"] = own.get("active", 0), own.get("outputs", 0)
        row["spiking"] = bool(own.get("spiking", 0))
        if any(value for value in row.values()):
            rows[path] = row
    columns = [*STRUCTURE, *OPERATIONS, "active", "outputs", "spiking"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    frame.index.name = "layer"
    active, outputs = frame.pop("active"), frame.pop("outputs")
    spiking = frame.pop("spiking").astype(bool)
    rate = active / outputs.where(outputs > 0) if sparse else outputs * float("nan")
    frame["activity"] = rate.astype(float)
    frame["spike_rate"] = rate.astype(float).where(spiking)
    frame["units"] = outputs
    return frame


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation, the same for every order of the values; 0 for one value."""
    n = len(values)
    if n < 2:
        return 0.0
    mean = math.fsum(values) / n
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))


def totals(
    frame: pd.DataFrame,
    samples: int,
    sparse: bool,
    each: tuple[Mapping[str, float], ...] = (),
) -> Counts:
    """The sums of a table."""
    sums: dict[str, Any] = {}
    for name in (*STRUCTURE, *OPERATIONS):
        sums[name] = None if name in SPARSE and not sparse else sum(frame[name])
    spiking = frame[frame["spike_rate"].notna()]
    units = spiking["units"].sum()
    rate = float((spiking["spike_rate"] * spiking["units"]).sum() / units) if units else None
    by_layer = frame.drop(columns="units")
    return Counts(**sums, spike_rate=rate, samples=samples, by_layer=by_layer, each=each)
