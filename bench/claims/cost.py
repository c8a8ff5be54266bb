"""Far fewer, and no extra cost: ratios of counts of the same task."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from liafbench.bench.claims.accuracy import obstacle, partial_note
from liafbench.bench.claims.definitions import FAR_FEWER, SPIKES_EXPLAIN, Claim, Item
from liafbench.bench.claims.pairs import EQUAL_BUDGET, Evidence, Pairs
from liafbench.bench.claims.verdict import ItemVerdict, Verdict
from liafbench.bench.statistics import Interval, over_seeds

STRUCTURE = ("weights", "parameters", "synapses", "mac_dense", "neuron_updates")
"""Counts that the network alone decides: one seed says all."""
SAME = ("mac_dense", "weights", "neuron_updates")
"""What must be equal for no extra cost."""
SHOWN = {
    "ac": "AC",
    "elementwise": "elementwise operations",
    "energy_45nm_fp32": "estimated energy (45nm fp32)",
}
"""What stands beside what spikes cause."""


def judge_cost(claim: Claim, item: Item, budget: str, evidence: Evidence) -> ItemVerdict:
    """One item of a cost claim."""
    pairs = {task: evidence.pairs(claim, item, task, budget) for task in item.tasks}
    if claim.test == "no extra cost":
        return _no_extra(claim, item, pairs)
    finding = _far_fewer(claim, item, pairs)
    if budget == EQUAL_BUDGET and claim.metric == "weights" and finding.interval is not None:
        note = "; ".join(part for part in (finding.note, "parameters are matched here") if part)
        return replace(finding, note=note)
    return finding


def _far_fewer(claim: Claim, item: Item, pairs: dict[str, Pairs]) -> ItemVerdict:
    """The ratio subject / other against FAR_FEWER; measured counts by their interval."""
    blocked = obstacle(claim, item, pairs)
    if claim.metric in STRUCTURE and blocked is not None and _counted(claim.metric, pairs):
        blocked = None  # no number of seeds touches what the network alone decides
    if blocked is not None and blocked.verdict != Verdict.UNDECIDED:
        return blocked
    ratios = {task: _ratios(pair, claim.metric) for task, pair in pairs.items()}
    if any(len(each) == 0 or not np.isfinite(each).all() for each in ratios.values()):
        return ItemVerdict(item, Verdict.PARTLY, note=f"{claim.metric} not counted")
    interval = _spread(item, list(ratios.values()), claim.metric)
    if blocked is not None or interval is None:
        note = blocked.note if blocked else "one paired seed has no spread"
        return ItemVerdict(item, Verdict.UNDECIDED, interval, note)
    if claim.metric in STRUCTURE:
        holds = interval.high <= FAR_FEWER
        verdict, p = Verdict.HOLDS if holds else Verdict.FAILS, math.nan
    else:
        verdict, p = _measured(interval)
    return ItemVerdict(item, verdict, interval, partial_note(pairs), p)


def _counted(metric: str, pairs: dict[str, Pairs]) -> bool:
    return all(len(pair.values(metric)[0]) for pair in pairs.values())


def _ratios(pair: Pairs, metric: str) -> np.ndarray:
    subject, other = pair.values(metric)
    with np.errstate(divide="ignore", invalid="ignore"):
        return subject / other


def _spread(item: Item, ratios: list[np.ndarray], metric: str) -> Interval | None:
    """The ratio with its interval: smallest to largest for structure, else t over log ratios."""
    if metric in STRUCTURE:
        every = np.concatenate(ratios)
        mean = float(np.exp(np.log(every).mean()))
        return Interval(mean, float(every.min()), float(every.max()), "all tasks", len(every))
    if any((each <= 0).any() for each in ratios):
        return None
    logs = [np.log(each) for each in ratios]
    values = np.array([each.mean() for each in logs]) if item.is_family else logs[0]
    if len(values) < 2:
        return None
    found = over_seeds(values, "tasks" if item.is_family else "seeds")
    return replace(
        found,
        estimate=math.exp(found.estimate),
        low=math.exp(found.low),
        high=math.exp(found.high),
    )


def _measured(interval: Interval) -> tuple[Verdict, float]:
    """Decide a ratio by its interval; error and freedom are those of its logarithm."""
    if interval.high <= FAR_FEWER:
        return Verdict.HOLDS, math.nan
    logs = replace(interval, estimate=math.log(interval.estimate))
    verdict = Verdict.FAILS if interval.low > FAR_FEWER else Verdict.UNDECIDED
    return verdict, logs.p_value(math.log(FAR_FEWER))


def _no_extra(claim: Claim, item: Item, pairs: dict[str, Pairs]) -> ItemVerdict:
    """Equal dense MAC, weights, neuron updates; spikes cause more only as far as there are more.

    One seed says whether the three are equal; what spikes cause is measured, and needs the seeds.
    """
    blocked = obstacle(claim, item, pairs)
    if blocked is not None and not all(pair.runs for pair in pairs.values()):
        return blocked
    pair = pairs[item.tasks[0]]
    found = _unequal(item, pair) or _spikes(item, pair)
    notes = [partial_note(pairs), found.note]
    if blocked is not None and found.verdict in (Verdict.HOLDS, Verdict.UNDECIDED):
        found, notes = replace(found, verdict=blocked.verdict), [blocked.note, *notes]
    return replace(found, note="; ".join(note for note in notes if note))


def _unequal(item: Item, pair: Pairs) -> ItemVerdict | None:
    """The first of the counts that must be equal and is not, or was not counted."""
    for metric in SAME:
        ratios = _ratios(pair, metric)
        if len(ratios) == 0:
            return ItemVerdict(item, Verdict.PARTLY, note=f"{metric} not counted")
        if not np.all(np.abs(ratios - 1) < 1e-9):
            note = f"{metric} ratio {ratios.mean():.4g}"
            spread = _spread(item, [ratios], metric)
            return ItemVerdict(item, Verdict.FAILS, spread, note, metric=metric)
    return None


def _spikes(item: Item, pair: Pairs) -> ItemVerdict:
    """The ratio of what spikes cause against that of spike rates, means over the paired seeds."""
    (ours, theirs), metric = _caused(pair)
    rate = pair.values("spike_rate")
    if not len(ours) or not len(rate[0]) or theirs.mean() <= 0 or rate[1].mean() <= 0:
        return ItemVerdict(item, Verdict.PARTLY, note="ac, effective MAC or spike rate not counted")
    ratio, rate_ratio = _of_means(ours, theirs), _of_means(*rate)
    explained = ratio <= max(1.0, rate_ratio) * (1 + SPIKES_EXPLAIN)
    each = ours / theirs
    interval = Interval(ratio, float(each.min()), float(each.max()), "all seeds", len(each))
    verdict = Verdict.HOLDS if explained else Verdict.UNDECIDED
    aside = f"ratios: spike rate {rate_ratio:.3g}{_beside(pair, metric)}"
    return ItemVerdict(item, verdict, interval, metric=metric, aside=aside)


def _caused(pair: Pairs) -> tuple[tuple[np.ndarray, np.ndarray], str]:
    """What spikes cause in subject and other, and its name.

    Behind average pooling a spike is no longer 0 or 1: what it causes is a MAC on a non-zero
    input. Where both networks have the same effective MACs, those are the input's alone, and AC
    is the whole; else AC and effective MAC count together.
    """
    ac, mac = pair.values("ac"), pair.values("mac_effective")
    if len(ac[0]) != len(mac[0]):
        return (np.array([]), np.array([])), ""
    if np.allclose(mac[0], mac[1], rtol=1e-9, atol=0.0):
        return ac, "ac"
    return (ac[0] + mac[0], ac[1] + mac[1]), "ac + mac_effective"


def _of_means(subject: np.ndarray, other: np.ndarray) -> float:
    return float(subject.mean() / other.mean())


def _beside(pair: Pairs, judged: str) -> str:
    """Ratios that are shown and not judged: k and ReLU are in the elementwise operations."""
    said = ""
    for metric, name in SHOWN.items():
        subject, other = pair.values(metric)
        if metric != judged and len(subject) and other.mean() > 0:
            said += f", {name} {_of_means(subject, other):.3g}"
    return said
