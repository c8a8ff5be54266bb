"""Verdicts: of one item, and of a claim from all of its items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from liafbench.bench.claims.definitions import Claim, Item
from liafbench.bench.statistics import LEVEL, Interval, holm


class Verdict(StrEnum):
    """What the runs say about a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "undecided"
    PARTLY = "partly run"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class ItemVerdict:
    """One item of a claim at one budget: our figure and what it says.

    `p` tests the bound that a refutation has to cross; `p_exact` is the exact test (sign flips
    over seeds, Wilcoxon over blocks), shown beside the interval that decides. `metric` names what
    the interval is a ratio of, where that is not the claim's own metric; `aside` is what stands
    beside the figure and is not judged.
    """

    item: Item
    verdict: Verdict
    interval: Interval | None = None
    note: str = ""
    p: float = float("nan")
    p_exact: float = float("nan")
    metric: str = ""
    aside: str = ""


@dataclass(frozen=True)
class Judgement:
    """A claim at one budget: its verdict, why, and the findings it rests on."""

    claim: Claim
    budget: str
    verdict: Verdict
    reason: str
    findings: tuple[ItemVerdict, ...]


def conclude(claim: Claim, budget: str, findings: Sequence[ItemVerdict]) -> Judgement:
    """A claim holds where every item was run and holds; one sure counterexample refutes it.

    No correction is needed to hold, since every item has to pass. To refute, any item will do:
    there Holm's correction over all items of the claim comes first.
    """
    refuting = _refuting(findings)
    missing = [f for f in findings if f.verdict in (Verdict.NOT_RUN, Verdict.PARTLY)]
    open_ = [f for f in findings if f.verdict == Verdict.UNDECIDED or _shaky(f, refuting)]
    if refuting:
        verdict, reason = Verdict.FAILS, f"on {_names(refuting)}"
    elif all(f.verdict == Verdict.NOT_RUN for f in findings):
        verdict, reason = Verdict.NOT_RUN, _names([f for f in findings if f.note])
    elif missing:
        verdict, reason = Verdict.PARTLY, ""
    elif open_:
        verdict, reason = Verdict.UNDECIDED, f"on {_names(open_)}"
    else:
        verdict, reason = Verdict.HOLDS, ""
    if missing and verdict != Verdict.NOT_RUN:
        reason = "; ".join(part for part in (reason, f"missing: {_names(missing)}") if part)
    return Judgement(claim, budget, verdict, reason, tuple(findings))


def _refuting(findings: Sequence[ItemVerdict]) -> list[ItemVerdict]:
    """Items that refute. The family is every item of the claim, one without a test has p = 1:

    what was not run, or cannot be tested, must not make it easier to refute.
    """
    adjusted = holm([1.0 if math.isnan(finding.p) else finding.p for finding in findings])
    return [
        finding
        for finding, p in zip(findings, adjusted, strict=True)
        if finding.verdict == Verdict.FAILS
        and (math.isnan(finding.p) or p <= 1 - LEVEL)  # NaN: a count, not a test
    ]


def _shaky(finding: ItemVerdict, refuting: list[ItemVerdict]) -> bool:
    return finding.verdict == Verdict.FAILS and finding not in refuting


def _names(findings: Sequence[ItemVerdict]) -> str:
    return ", ".join(
        f"{finding.item.name} ({finding.note})" if finding.note else finding.item.name
        for finding in findings
    )
