"""Exact tests on paired differences, and Holm's correction."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = 40  # two halves of 2^20 signed sums
ROUNDING = 1e-9
"""Differences of means closer than this share of the largest are equal: floats part them."""


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums of `values` under all 2^n choices of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _sign_flip_p(values: NDArray[np.float64]) -> float:
    """Two-sided share of all sign choices whose |sum| reaches the observed one.

    Meets in the middle: each half's signed sums are listed, pairs are counted by bisection.
    """
    if values.size > LARGEST:
        raise ValueError(f"exact sign flips of {values.size} pairs: at most {LARGEST}")
    half = values.size // 2
    left, right = _signed_sums(values[:half]), np.sort(_signed_sums(values[half:]))
    observed = abs(float(values.sum()))
    # Sums that differ by rounding only are ties.
    threshold = observed - 1e-12 * float(np.abs(values).sum())
    if threshold <= 0:
        return 1.0
    above = right.size - np.searchsorted(right, threshold - left, side="left")
    below = np.searchsorted(right, -threshold - left, side="right")
    return float((above + below).sum() / (left.size * right.size))


def _checked(differences: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError("paired tests need a list of finite differences")
    return values


def permutation_p(differences: ArrayLike) -> float:
    """Exact paired permutation test over seeds: p of the mean difference, two-sided.

    Under the null the two names of a pair may be swapped, so each difference may change its
    sign. With n pairs p is at least 2 / 2^n: below 6 pairs it cannot reach 0.05.
    """
    return _sign_flip_p(_checked(differences))


def wilcoxon_p(differences: ArrayLike) -> float:
    """Exact Wilcoxon signed-rank test over blocks, two-sided; exact with ties as well.

    Zero differences are dropped (Wilcoxon's way), ties share their mean rank, and the null
    distribution is enumerated for these very ranks. What differs by rounding only is a tie.
    """
    values = _checked(differences)
    sizes = np.abs(values)
    order = np.argsort(sizes)
    levels = np.empty(sizes.size)
    # From the smallest up, a new level after every gap that rounding does not explain; 0 is zero.
    levels[order] = np.cumsum(np.diff(sizes[order], prepend=0.0) > ROUNDING * sizes.max())
    kept = levels > 0
    return _sign_flip_p(np.sign(values[kept]) * _mean_ranks(levels[kept]))


def _mean_ranks(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; those alike share their mean."""
    _, place, counts = np.unique(levels, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[place]


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjusted p values, in the order given; NaN stays NaN and is not counted."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
