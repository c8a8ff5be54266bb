"""Contenders take turns: every round times each of them once, in an order that changes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from liafbench.bench.timing.conditions import ConditionsRecorder
from liafbench.bench.timing.intervals import median_interval, paired_ratio
from liafbench.bench.timing.stopwatch import HostStopwatch, Stopwatch, nothing
from liafbench.bench.timing.timings import Timings

Work = Callable[[], object]
LOOK_AGAIN = 5  # rounds between two looks at the intervals, at least


@dataclass(frozen=True)
class Until:
    """Go on past the minimum number of rounds until every ratio is tight or the time is spent.

    tight: relative half-width of the bootstrap interval (0.05 = ±5 %); budget: seconds in all;
    most: the largest number of rounds.
    """

    tight: float = 0.05
    budget: float = 60.0
    most: int | None = None


def interleave(
    contenders: Mapping[str, Work],
    *,
    rounds: int = 10,
    warmup: int = 2,
    min_time: float = 0.0,
    until: Until | None = None,
    clock: Callable[[], float] = time.perf_counter,
    synchronize: Callable[[], object] = nothing,
    stopwatch: Stopwatch | None = None,
) -> Timings:
    """Time the contenders round by round in this process.

    rounds: how many, or the least with `until`, whose ratios are to the first contender.
    min_time: seconds that one sample should last; a fast contender is called several times for it.
    clock, synchronize: of the device; or a `stopwatch` that has both.
    """
    if not contenders or rounds < 1:
        raise ValueError("interleave needs at least one contender and one round")
    watch = stopwatch or HostStopwatch(clock, synchronize)
    started = watch.now()
    calls = {name: _calls(watch, work, warmup, min_time) for name, work in contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    recorder = ConditionsRecorder()
    done, look = 0, rounds
    while True:
        for name in turn(list(contenders), done):
            took = watch.measure(contenders[name], calls[name])
            seconds[name].append(took / calls[name])
        done += 1
        if done < rounds:
            continue
        if until is None or done == until.most or watch.now() - started >= until.budget:
            break
        if done >= look:
            if is_tight(seconds, until.tight):
                break
            look = done + max(LOOK_AGAIN, done // 4)
    raw = {name: tuple(values) for name, values in seconds.items()}
    return Timings(raw, calls, recorder.finish())


def turn(names: Sequence[str], number: int) -> list[str]:
    """The order of one round: rotated from pair to pair of rounds, forward and then backward.

    Nobody always runs after the same neighbour, and a drift within a round cancels in the pair.
    """
    start = (number // 2) % len(names)
    order = [*names[start:], *names[:start]]
    return order[::-1] if number % 2 else order


def _calls(watch: Stopwatch, work: Work, warmup: int, min_time: float) -> int:
    """Warm a contender up; the last of the warm-up calls says how many calls fill a sample."""
    took = 0.0
    for _ in range(warmup):
        took = watch.measure(work)
    if min_time <= 0:
        return 1
    took = took or watch.measure(work)
    return max(1, math.ceil(min_time / max(took, 1e-9)))


def is_tight(seconds: Mapping[str, Sequence[float]], tight: float) -> bool:
    """Whether every ratio to the first contender (one alone: its median) is known well enough."""
    first, *others = seconds
    if not others:
        return median_interval(seconds[first]).half_width <= tight
    return all(paired_ratio(seconds[name], seconds[first]).half_width <= tight for name in others)
