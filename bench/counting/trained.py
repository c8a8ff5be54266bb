"""Counts of a trained network on test samples, as measurements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from liafbench.bench.counting.counter import count_samples, without_padding
from liafbench.bench.counting.counts import METRICS, STRUCTURE, Counts, deviation
from liafbench.bench.counting.energy import ENERGY, energy
from liafbench.bench.counting.known import Kind

_PICO_TO_MICRO = 1e-6
LAYER_METRICS = (
    "weights", "parameters", "mac_dense", "mac_effective", "ac", "elementwise", "spike_rate",
)  # fmt: skip

MEASURED = frozenset(METRICS).union(
    *((f"energy_{name}", f"energy_dense_{name}") for name in ENERGY)
)
"""The names of all that `measurements` gives."""


@dataclass(frozen=True)
class Measurement:
    """One measured value: over `n` samples, with their standard deviation as spread."""

    metric: str
    value: float
    unit: str
    n: int
    spread: float


def count_trained(
    net: nn.Module, samples: Iterable[Tensor], *, input_kind: Kind = "analog"
) -> list[Measurement]:
    """Every count of a trained network on samples [T, 1, ...], and its estimated energies."""
    return measurements(trained_counts(net, samples, input_kind=input_kind))


def trained_counts(
    net: nn.Module, samples: Iterable[Tensor], *, input_kind: Kind = "analog"
) -> Counts:
    """The counts of a trained network on samples [T, 1, ...].

    Token samples [T, 1] lose the padding on their left: padding is not counted.
    """
    unpadded = (s if s.is_floating_point() else without_padding(s) for s in samples)
    return count_samples(net, unpadded, input_kind=input_kind)


def layer_rows(counts: Counts) -> list[dict[str, Any]]:
    """What run files keep of each layer: its path, and what LAYER_METRICS names."""
    rows = counts.to_dict()["by_layer"]
    return [{name: row[name] for name in ("layer", *LAYER_METRICS)} for row in rows]


def measurements(counts: Counts) -> list[Measurement]:
    """The totals of counts over samples, and estimated energies; structure has no spread."""
    found = []
    for metric, unit in METRICS.items():
        value = getattr(counts, metric)
        if value is None:
            continue
        n = 1 if metric in STRUCTURE else counts.samples
        values = [e[metric] for e in counts.each if metric in e]
        found.append(Measurement(metric, value, unit, n, deviation(values)))
    if counts.ac is not None:
        found += energies(counts)
    return found


def energies(counts: Counts) -> list[Measurement]:
    """Estimated energy per sample for every set of constants, sparse and dense."""
    found = []
    for name, constants in ENERGY.items():
        for metric, dense in ((f"energy_{name}", False), (f"energy_dense_{name}", True)):
            value = _PICO_TO_MICRO * energy(counts, constants, dense=dense)
            each = [_PICO_TO_MICRO * energy(e, constants, dense=dense) for e in counts.each]
            unit = "uJ/sample"
            found.append(Measurement(metric, value, unit, counts.samples, deviation(each)))
    return found
