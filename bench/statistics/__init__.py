"""Means, intervals and exact paired tests: what may be said from a few seeds."""

from __future__ import annotations

from liafbench.bench.statistics.intervals import (
    LEVEL,
    Interval,
    answered_alike,
    mean_std,
    over_both,
    over_samples,
    over_seeds,
    unpack,
)
from liafbench.bench.statistics.paired import holm, permutation_p, wilcoxon_p

__all__ = [
    "LEVEL",
    "Interval",
    "answered_alike",
    "holm",
    "mean_std",
    "over_both",
    "over_samples",
    "over_seeds",
    "permutation_p",
    "unpack",
    "wilcoxon_p",
]
