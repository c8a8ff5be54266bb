"""Timings that can be believed: interleaved rounds, paired ratios, one allocator for all."""

from bench.timing.allocator import apply_policy
from bench.timing.group import GroupTimes, Measurement, time_group
from bench.timing.intervals import Interval, iqr_half_width, paired_ratio
from bench.timing.options import Options
from bench.timing.rounds import Until, interleave
from bench.timing.timings import Timings

__all__ = [
    "GroupTimes",
    "Interval",
    "Measurement",
    "Options",
    "Timings",
    "Until",
    "apply_policy",
    "interleave",
    "iqr_half_width",
    "paired_ratio",
    "time_group",
]
