"""Timings that can be believed: interleaved rounds, paired ratios, one allocator for all."""

from bench.timing.allocator import apply_policy
from bench.timing.intervals import Interval, iqr_half_width, paired_ratio
from bench.timing.rounds import Until, interleave
from bench.timing.timings import Timings

__all__ = [
    "Interval",
    "Timings",
    "Until",
    "apply_policy",
    "interleave",
    "iqr_half_width",
    "paired_ratio",
]
