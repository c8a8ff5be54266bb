"""Intervals against scipy, and their coverage against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from liafbench.bench.statistics import mean_std, over_both, over_samples, over_seeds
from liafbench.bench.statistics.intervals import hierarchical_statistics, t_bounds, t_statistics

REPEATS = 20_000
WITHIN = 0.02


def test_mean_and_std_are_the_sample_ones() -> None:
    assert mean_std([1.0, 2.0, 4.0]) == pytest.approx((7 / 3, math.sqrt(7 / 3), 3))
    mean, std, n = mean_std([5.0])
    assert (mean, n) == (5.0, 1)
    assert math.isnan(std)
    assert math.isnan(mean_std([])[0])


def test_t_interval_is_scipys() -> None:
    values = np.array([91.2, 92.9, 90.4, 93.3, 91.8])
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    found = over_seeds(values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.p_value(91.0) == pytest.approx(stats.ttest_1samp(values, 91.0).pvalue)
    assert found.kind == "t over 5 seeds"


def test_one_value_has_no_t_interval() -> None:
    with pytest.raises(ValueError, match="two values"):
        over_seeds([90.0])


@pytest.mark.parametrize(("correct", "total"), [(0, 10), (7, 10), (10, 10), (873, 1000)])
def test_wilson_is_scipys(correct: int, total: int) -> None:
    expected = stats.binomtest(correct, total).proportion_ci(0.95, method="wilson")
    found = over_samples(correct, total)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_refuses_what_is_no_share() -> None:
    with pytest.raises(ValueError, match="no share"):
        over_samples(11, 10)
    with pytest.raises(ValueError, match="no share"):
        over_samples(0, 0)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_t_interval_covers(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    low, high = t_bounds(*t_statistics(rng.normal(90.0, 1.3, (REPEATS, seeds))))
    assert np.mean((low <= 90.0) & (high >= 90.0)) == pytest.approx(0.95, abs=WITHIN)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_wilson_covers(share: float) -> None:
    rng = np.random.default_rng(1)
    counts = rng.binomial(1000, share, 2000)
    intervals = {c: over_samples(int(c), 1000) for c in np.unique(counts)}
    covered = [intervals[c].low <= share <= intervals[c].high for c in counts]
    assert np.mean(covered) == pytest.approx(0.95, abs=WITHIN)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(("of_seed", "of_sample"), [(0.05, 1.0), (0.2, 1.0), (0.2, 3.0)])
def test_hierarchical_interval_covers(seeds: int, of_seed: float, of_sample: float) -> None:
    """Networks and samples drawn anew: right where ability - difficulty + noise is above 0."""
    rng = np.random.default_rng(7)
    repeats, samples = 3000, 100
    ability = 1.0 + rng.normal(0, of_seed, (repeats, seeds, 1))
    difficulty = rng.normal(0, of_sample, (repeats, 1, samples))
    noise = rng.normal(0, 1, (repeats, seeds, samples))
    right = ability - difficulty + noise > 0
    truth = stats.norm.cdf(1.0 / math.sqrt(of_seed**2 + of_sample**2 + 1))
    low, high = t_bounds(*hierarchical_statistics(right))
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=WITHIN)


def test_seeds_alone_would_promise_too_much() -> None:
    """Three networks that agree on 100 hard samples: the t-interval forgets the samples."""
    rng = np.random.default_rng(3)
    right = np.tile(rng.random(100) < 0.8, (3, 1)).astype(float)
    right[0, 0] = 1 - right[0, 0]
    both, alone = over_both(right), over_seeds(right.mean(axis=1))
    assert both.high - both.low > 3 * (alone.high - alone.low)
    assert both.estimate == pytest.approx(right.mean())


def test_hierarchical_reduces_to_its_parts() -> None:
    """Without seed differences it is the t-interval over samples, and the other way round."""
    rng = np.random.default_rng(5)
    samples = rng.normal(size=40)
    found = over_both(np.tile(samples, (4, 1)))
    expected = stats.ttest_1samp(samples, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-6)
    seeds = rng.normal(size=5)
    found = over_both(np.tile(seeds[:, None], (1, 30)))
    expected = stats.ttest_1samp(seeds, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-6)


def test_no_spread_at_all_is_certain_of_its_value() -> None:
    found = over_both(np.ones((3, 10)))
    assert (found.low, found.high) == (1.0, 1.0)
    assert found.p_value(1.0) == 1.0
    assert found.p_value(0.0) == 0.0


def test_hierarchical_needs_two_of_each() -> None:
    with pytest.raises(ValueError, match="two seeds and two samples"):
        over_both(np.ones((1, 10)))
