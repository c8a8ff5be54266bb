"""Comparable and better: the interval of the paired difference of test accuracies."""

from __future__ import annotations

import math

import numpy as np

from liafbench.bench.claims.definitions import COMPARABLE, MIN_SEEDS, Claim, Item
from liafbench.bench.claims.pairs import Evidence, Pairs
from liafbench.bench.claims.verdict import ItemVerdict, Verdict
from liafbench.bench.statistics import (
    Interval,
    answered_alike,
    over_both,
    over_seeds,
    permutation_p,
    unpack,
    wilcoxon_p,
)

METRIC = "test_accuracy"
FOREIGN = "not judged: recipe differs"


def judge_accuracy(claim: Claim, item: Item, budget: str, evidence: Evidence) -> ItemVerdict:
    """One item: a single task by its seeds and samples, a family by its blocks."""
    pairs = {task: evidence.pairs(claim, item, task, budget) for task in item.tasks}
    blocked = obstacle(claim, item, pairs)
    if blocked is not None and blocked.verdict != Verdict.UNDECIDED:
        return blocked
    interval = _family(pairs) if item.is_family else difference(pairs[item.tasks[0]])
    p_exact = _exact(item, pairs)
    if blocked is not None or interval is None:
        note = blocked.note if blocked else "one paired seed has no spread"
        return ItemVerdict(item, Verdict.UNDECIDED, interval, note, p_exact=p_exact)
    verdict, p = decide(claim.test, interval)
    return ItemVerdict(item, verdict, interval, partial_note(pairs), p, p_exact)


def decide(test: str, interval: Interval) -> tuple[Verdict, float]:
    """The verdict of an interval [points], and the p of the bound that refutes."""
    if test == "better":
        verdict = _beyond(interval.low > 0, interval.high < 0)
        return verdict, interval.p_value(0.0)
    within = interval.low >= -COMPARABLE and interval.high <= COMPARABLE
    outside = interval.low > COMPARABLE or interval.high < -COMPARABLE
    return _beyond(within, outside), interval.p_value(math.copysign(COMPARABLE, interval.estimate))


def _beyond(holds: bool, fails: bool) -> Verdict:
    return Verdict.HOLDS if holds else Verdict.FAILS if fails else Verdict.UNDECIDED


def obstacle(claim: Claim, item: Item, pairs: dict[str, Pairs]) -> ItemVerdict | None:
    """Why an item cannot be decided; None when it can.

    Not run: neither side has a run that counts. Partly run: a side, a block, a planned seed or
    the whole data is missing.
    Undecided: a seed failed, recipes differ, or a single task has fewer than MIN_SEEDS pairs.
    """
    if not any(pair.subject.ran or pair.other.ran for pair in pairs.values()):
        partial = partial_note(pairs)
        note = FOREIGN if _foreign(pairs) else f"{partial} does not count" if partial else ""
        return ItemVerdict(item, Verdict.NOT_RUN, note=note)
    missing = _missing(claim, item, pairs)
    if missing:
        return ItemVerdict(item, Verdict.PARTLY, note=missing)
    failed = [failure for pair in pairs.values() for failure in pair.failed]
    if failed:
        return ItemVerdict(item, Verdict.UNDECIDED, note=", ".join(failed[:3]) + _more(failed[3:]))
    if any(pair.recipes_differ for pair in pairs.values()):
        return ItemVerdict(item, Verdict.UNDECIDED, note="trained by different recipes")
    seeds = min(len(pair.runs) for pair in pairs.values())
    if not item.is_family and seeds < MIN_SEEDS:
        return ItemVerdict(item, Verdict.UNDECIDED, note=f"{seeds} of {MIN_SEEDS} paired seeds")
    return None


def _missing(claim: Claim, item: Item, pairs: dict[str, Pairs]) -> str:
    """Which side or which blocks of a family have no pair."""
    for name, sides in (
        (claim.subject, [pair.subject for pair in pairs.values()]),
        (claim.other, [pair.other for pair in pairs.values()]),
    ):
        if not any(side.ran for side in sides):
            return f"{name} {FOREIGN if any(side.foreign for side in sides) else 'not run'}"
    unpaired = [task for task, pair in pairs.items() if not pair.runs and not pair.failed]
    if not unpaired:
        seeds = sorted({seed for pair in pairs.values() for seed in pair.missing})
        return f"planned and not run: seed {', '.join(map(str, seeds))}" if seeds else ""
    if not item.is_family:
        return "no seed in common"
    return f"{len(unpaired)} of {len(pairs)} tasks: {', '.join(unpaired[:3])}{_more(unpaired[3:])}"


def _foreign(pairs: dict[str, Pairs]) -> bool:
    return any(pair.subject.foreign or pair.other.foreign for pair in pairs.values())


def _more(rest: list[str]) -> str:
    return f" and {len(rest)} more" if rest else ""


def partial_note(pairs: dict[str, Pairs]) -> str:
    """A mark for data sets that are there in part only, or not the official ones."""
    kinds = {
        text.partition(":")[0]
        for pair in pairs.values()
        for text in pair.subject.partial | pair.other.partial
    }
    return ", ".join(sorted(kinds))


def difference(pairs: Pairs) -> Interval | None:
    """The interval of subject minus other on one task [points]; None below two pairs.

    Over seeds and test samples where every run says which samples it got right, else over seeds.
    """
    subject, other = pairs.values(METRIC)
    if len(subject) < 2:
        return None
    both = [run for pair in pairs.runs for run in pair]
    samples = answered_alike([(run["correct"], run["samples"]) for run in both])
    if samples < 2:
        return over_seeds(subject - other)
    left = unpack([a["correct"] for a, _ in pairs.runs], samples).astype(np.float64)
    right = unpack([b["correct"] for _, b in pairs.runs], samples)
    return over_both(100.0 * (left - right))


def _blocks(pairs: dict[str, Pairs]) -> np.ndarray:
    """The mean difference over seeds of each block that has a pair [points]."""
    means = []
    for pair in pairs.values():
        subject, other = pair.values(METRIC)
        if len(subject):
            means.append(float((subject - other).mean()))
    return np.array(means)


def _family(pairs: dict[str, Pairs]) -> Interval | None:
    blocks = _blocks(pairs)
    return over_seeds(blocks, "tasks") if len(blocks) > 1 else None


def _exact(item: Item, pairs: dict[str, Pairs]) -> float:
    """Exact p: Wilcoxon over the blocks of a family, sign flips over the seeds of one task."""
    if item.is_family:
        blocks = _blocks(pairs)
        return wilcoxon_p(blocks) if len(blocks) > 1 else math.nan
    subject, other = pairs[item.tasks[0]].values(METRIC)
    return permutation_p(subject - other) if len(subject) > 1 else math.nan
