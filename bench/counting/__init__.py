"""Synapses, operations, activity and estimated energy of any network."""

from liafbench.bench.counting.counter import count, count_each
from liafbench.bench.counting.counts import METRICS, Counts
from liafbench.bench.counting.errors import UncountableError
from liafbench.bench.counting.measurements import (
    ENERGY,
    EnergyConstants,
    Measurement,
    count_trained,
    energy,
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
    "count_each",
    "count_trained",
    "energy",
    "layer_rows",
    "measurements",
    "trained_counts",
]
