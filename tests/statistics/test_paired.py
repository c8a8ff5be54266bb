"""Exact tests against scipy and against counting by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from liafbench.bench.statistics import holm, permutation_p, wilcoxon_p


def brute_force(values: np.ndarray) -> float:
    """The share of all sign choices whose |sum| is at least the observed one."""
    signs = np.array(list(itertools.product([1, -1], repeat=len(values))))
    sums = np.abs(signs @ values)
    return float(np.mean(sums >= abs(values.sum()) - 1e-9))


@given(st.lists(st.integers(-8, 8), min_size=1, max_size=9))
def test_permutation_counts_every_sign_choice(values: list[int]) -> None:
    numbers = np.array(values, dtype=float) / 4
    assert permutation_p(numbers) == pytest.approx(brute_force(numbers))


def test_permutation_is_scipys() -> None:
    differences = np.array([0.8, 1.4, -0.3, 2.2, 0.9, 1.1, -0.1])
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert permutation_p(differences) == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("pairs", range(1, 9))
def test_all_on_one_side_gives_the_smallest_p(pairs: int) -> None:
    """Below six pairs not even this reaches 0.05: the reason for six seeds."""
    smallest = 2 / 2**pairs
    assert permutation_p(np.arange(1.0, pairs + 1)) == pytest.approx(smallest)
    assert (smallest <= 0.05) == (pairs >= 6)


def test_permutation_is_level_under_the_null() -> None:
    rng = np.random.default_rng(0)
    p = [permutation_p(differences) for differences in rng.standard_t(3, (2000, 8))]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.02)


def test_wilcoxon_is_scipys_without_ties() -> None:
    rng = np.random.default_rng(1)
    for n in (5, 12, 20):
        differences = rng.normal(0.5, 1, n)
        expected = stats.wilcoxon(differences, method="exact").pvalue
        assert wilcoxon_p(differences) == pytest.approx(expected)


def test_wilcoxon_is_exact_with_ties_and_zeros() -> None:
    differences = np.array([0.0, 1.0, 1.0, -1.0, 2.0, 2.0, 3.0, 0.0])
    kept = differences[differences != 0]
    ranks = np.sign(kept) * stats.rankdata(np.abs(kept))
    assert wilcoxon_p(differences) == pytest.approx(brute_force(ranks))
    assert wilcoxon_p([0.0, 0.0]) == 1.0


def test_differences_that_rounding_parts_are_ties() -> None:
    """0.1 + 0.2 is more than 0.3 by its last bit, and 1e-17 is no difference."""
    tied = [0.1 + 0.2, -0.3, 0.5, 0.7, 0.9]
    assert wilcoxon_p(tied) == wilcoxon_p([3, -3, 5, 7, 9]) == 0.1875
    assert wilcoxon_p([3, -2, 5, 7, 9]) != wilcoxon_p(tied)
    assert wilcoxon_p([1e-17, 0.5, 0.7]) == wilcoxon_p([0, 5, 7])


@pytest.mark.parametrize("largest", [1000, 1023, 1024, 2048, 3072])
def test_means_of_accuracies_give_the_p_of_their_counts(largest: int) -> None:
    """Sums of five seeds' right answers of 1,000 are integers; their means in percent are not."""
    rng = np.random.default_rng(largest)
    for _ in range(50):
        ours, theirs = rng.integers(400, 406, (2, 12, 5))
        ours[0], theirs[0] = 900, 900 - largest // 5
        theirs[0, 0] -= largest % 5
        means = (100 * ours / 1000).mean(axis=1) - (100 * theirs / 1000).mean(axis=1)
        counts = (ours - theirs).sum(axis=1)
        assert counts[0] == largest
        assert wilcoxon_p(means) == wilcoxon_p(counts)


def test_forty_pairs_are_still_exact() -> None:
    assert permutation_p(np.ones(40)) == pytest.approx(2 / 2**40, rel=1e-9)
    with pytest.raises(ValueError, match="at most 40"):
        permutation_p(np.ones(41))


@pytest.mark.parametrize("bad", [[], [1.0, float("nan")], [[1.0, 2.0]]])
def test_bad_differences_are_refused(bad: list) -> None:
    with pytest.raises(ValueError, match="finite differences"):
        permutation_p(bad)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_out_what_was_not_tested() -> None:
    found = holm([0.02, float("nan"), 0.03])
    assert found[[0, 2]] == pytest.approx([0.04, 0.04])
    assert np.isnan(found[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_properties(p: list[float]) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= 1).all()
    assert adjusted.min() == pytest.approx(min(1.0, min(p) * len(p)))
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
