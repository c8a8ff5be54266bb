"""Synapses, operations, activity and estimated energy of any network."""

from liafbench.bench.counting.counter import count, count_samples
from liafbench.bench.counting.counts import METRICS, Counts
from liafbench.bench.counting.energy import ENERGY, EnergyConstants, energy
from liafbench.bench.counting.tally import UncountableError
from liafbench.bench.counting.trained import (
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
