"""Counts of a trained network on test samples, as measurements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from bench.counting.counter import count_samples, without_padding
from bench.counting.counts import METRICS, STRUCTURE, Counts
from bench.counting.energy import ENERGY, energy
from bench.counting.known import Kind


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
    """Every count of a trained network on samples [T, 1, ...], and its estimated energies.

    Token samples [T, 1] lose the padding on their left: padding is not counted.
    """
    unpadded = (s if s.is_floating_point() else without_padding(s) for s in samples)
    return measurements(count_samples(net, unpadded, input_kind=input_kind))


def measurements(counts: Counts) -> list[Measurement]:
    """The totals of counts over samples; structure has no spread."""
    found = []
    for metric, unit in METRICS.items():
        value = getattr(counts, metric)
        if value is not None:
            n = 1 if metric in STRUCTURE else counts.samples
            spread = counts.spread.get(metric, 0.0)
            found.append(Measurement(metric, value, unit, n, spread))
    for name, constants in ENERGY.items():
        if counts.ac is None:
            break
        microjoules = energy(counts, constants) * 1e-6
        found.append(
            Measurement(f"energy_{name}", microjoules, "uJ/sample", counts.samples, 0.0)
        )
    return found
