"""Synapses, operations, activity and estimated energy of any network."""

from bench.counting.counter import count, count_samples
from bench.counting.counts import METRICS, Counts
from bench.counting.energy import ENERGY, EnergyConstants, energy
from bench.counting.tally import UncountableError
from bench.counting.trained import (
    Measurement,
    count_trained,
    layer_rows,
    measurements,
    trained_counts,
)

__all__ = [
    "ENERGY",
    "METRICS",
    "Counts",
    "EnergyConstants",
    "Measurement",
    "UncountableError",
    "count",
    "count_samples",
    "count_trained",
    "energy",
    "layer_rows",
    "measurements",
    "trained_counts",
]
