"""Timings that can be believed: interleaved rounds, paired ratios, one allocator for all."""

from liafbench.bench.timing.allocator import apply_policy
from liafbench.bench.timing.group import GroupTimes, Measurement, time_group
from liafbench.bench.timing.intervals import Interval, iqr_half_width, paired_ratio
from liafbench.bench.timing.rounds import Until, interleave
from liafbench.bench.timing.timings import Timings

__all__ = [
    "GroupTimes",
    "Interval",
    "Measurement",
    "Timings",
    "Until",
    "apply_policy",
    "interleave",
    "iqr_half_width",
    "paired_ratio",
    "time_group",
]
