"""Intervals that say what they are: over seeds, over test samples, or over both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

LEVEL = 0.95
Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; `kind` says over what it generalises.

    `error` is the standard error and `freedom` its degrees of freedom, both NaN where the
    interval does not come from a t statistic.
    """

    estimate: float
    low: float
    high: float
    kind: str
    n: int
    error: float = float("nan")
    freedom: float = float("nan")

    def p_value(self, null: float = 0.0) -> float:
        """Two-sided p of the t statistic behind the interval against `null`."""
        if self.error == 0:
            return 1.0 if self.estimate == null else 0.0
        statistic = abs(self.estimate - null) / self.error
        return float(2 * special.stdtr(self.freedom, -statistic))


def mean_std(values: ArrayLike) -> tuple[float, float, int]:
    """Mean, standard deviation (ddof 1; NaN for one value) and the number of values."""
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size == 0:
        return float("nan"), float("nan"), 0
    std = float(numbers.std(ddof=1)) if numbers.size > 1 else float("nan")
    return float(numbers.mean()), std, int(numbers.size)


def t_statistics(values: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Mean, standard error and degrees of freedom along the last axis [..., n], n >= 2."""
    numbers = np.asarray(values, dtype=np.float64)
    count = numbers.shape[-1]
    if count < 2:
        raise ValueError("a t-interval needs at least two values")
    error = numbers.std(axis=-1, ddof=1) / np.sqrt(count)
    return numbers.mean(axis=-1), error, np.full(error.shape, count - 1.0)


def hierarchical_statistics(scores: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Mean, standard error and degrees of freedom of scores [..., seeds, samples].

    Seeds and test samples are crossed random effects, since every network answers the same
    samples. The variance of the grand mean is (MS_seeds + MS_samples - MS_residual) / (S N)
    with Satterthwaite's degrees of freedom. Where the residual exceeds the mean square of the
    seeds (or samples), that component is estimated as zero.
    """
    table = np.asarray(scores, dtype=np.float64)
    seeds, samples = table.shape[-2:]
    if seeds < 2 or samples < 2:
        raise ValueError("a hierarchical interval needs at least two seeds and two samples")
    mean = table.mean(axis=(-2, -1))
    of_seed, of_sample = table.mean(axis=-1), table.mean(axis=-2)
    total = ((table - mean[..., None, None]) ** 2).sum(axis=(-2, -1))
    square_seed = samples * ((of_seed - mean[..., None]) ** 2).sum(axis=-1)
    square_sample = seeds * ((of_sample - mean[..., None]) ** 2).sum(axis=-1)
    rest = (seeds - 1) * (samples - 1)
    ms_rest = np.maximum(total - square_seed - square_sample, 0.0) / rest
    ms_seed = square_seed / (seeds - 1)
    ms_sample = square_sample / (samples - 1)
    variance = np.maximum(ms_seed + ms_sample - ms_rest, np.maximum(ms_seed, ms_sample))
    spread = ms_seed**2 / (seeds - 1) + ms_sample**2 / (samples - 1) + ms_rest**2 / rest
    freedom = np.divide(
        variance**2, spread, out=np.full_like(variance, seeds - 1.0), where=spread > 0
    )
    # Below seeds - 1 the formula only adds noise: that is what the seeds alone would give.
    return mean, np.sqrt(variance / (seeds * samples)), np.maximum(freedom, seeds - 1.0)


def t_bounds(mean: NDArray, error: NDArray, freedom: NDArray, level: float = LEVEL) -> Bounds:
    """The bounds of the t-interval around `mean`."""
    reach = special.stdtrit(freedom, 0.5 + level / 2) * error
    return mean - reach, mean + reach


def _t_interval(statistics: tuple[NDArray, NDArray, NDArray], kind: str, n: int) -> Interval:
    low, high = t_bounds(*statistics)
    mean, error, freedom = (float(part) for part in statistics)
    return Interval(mean, float(low), float(high), kind, n, error, freedom)


def over_seeds(values: ArrayLike, what: str = "seeds") -> Interval:
    """The 95 % t-interval of the mean over seeds (or over another unit, named by `what`)."""
    numbers = np.asarray(values, dtype=np.float64)
    return _t_interval(t_statistics(numbers), f"t over {numbers.size} {what}", numbers.size)


def over_samples(correct: int, total: int) -> Interval:
    """Wilson's 95 % interval of one network's share of right answers, in [0, 1]."""
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} of {total} is no share")
    z2 = special.ndtri(0.5 + LEVEL / 2) ** 2
    share = correct / total
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    reach = np.sqrt(z2 * (share * (1 - share) / total + z2 / (4 * total**2))) / (1 + z2 / total)
    kind = f"Wilson over {total:,} test samples"
    return Interval(share, max(0.0, centre - reach), min(1.0, centre + reach), kind, total)


def over_both(scores: ArrayLike) -> Interval:
    """The 95 % interval of the mean of scores [seeds, samples] over new seeds and samples."""
    table = np.asarray(scores, dtype=np.float64)
    seeds, samples = table.shape
    kind = f"hierarchical over {seeds} seeds x {samples:,} test samples"
    return _t_interval(hierarchical_statistics(table), kind, seeds)


def unpack(bits: Iterable[bytes], samples: int) -> NDArray[np.uint8]:
    """Which test samples were right, [runs, samples] of 0 and 1, from packed bits."""
    packed = np.frombuffer(b"".join(bits), dtype=np.uint8).reshape(-1, -(-samples // 8))
    return np.unpackbits(packed, axis=1, count=samples)


def answered_alike(runs: Sequence[tuple[bytes, int]]) -> int:
    """The number of test samples where all runs (bits, samples) tell which were right, else 0."""
    sizes = {samples for _, samples in runs}
    samples = sizes.pop() if len(sizes) == 1 else 0
    whole = samples > 0 and all(len(bits) == -(-samples // 8) for bits, _ in runs)
    return int(samples) if whole else 0
