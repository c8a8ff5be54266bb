"""Judgements as tables: one row a claim, and one row a claim, budget and task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from liafbench.bench.claims.definitions import (
    COMPARABLE,
    FAR_FEWER,
    MIN_SEEDS,
    Claim,
)
from liafbench.bench.claims.pairs import BUDGETS
from liafbench.bench.claims.verdict import ItemVerdict, Judgement
from liafbench.bench.results import Results, labels
from liafbench.bench.results.labels import FAMILY
from liafbench.bench.results.published import published
from liafbench.bench.statistics import holm
from liafbench.bench.tables.table import Table

NO_FIGURE = "n/a"
DIFFERENCE = "difference [points]"
TEST = ["claim", "task", "backbone", "p_exact"]
"""Rows alike in these are one test of the same runs under two scopes."""
NARROW = (
    "scope",
    "claim",
    *(f"{part} {budget}" for budget in BUDGETS for part in ("ours", "verdict")),
)
"""What of the claims fits across a page."""
TESTS = {
    "comparable": f"95 % interval of the difference within ±{COMPARABLE:g} points",
    "better": "95 % interval of the difference above 0",
    "far fewer": f"ratio at most {FAR_FEWER:g}",
    "no extra cost": "equal dense MAC, weights, neuron updates; AC (with effective MAC where "
    "spikes are pooled) up to the spike rate; elementwise operations and energy not judged",
}
RULES = (
    f"A single task is decided from {MIN_SEEDS} paired seeds on; bAbI by its 20 tasks. Differences "
    "are subject minus other in points of test accuracy, ratios subject over other; in brackets "
    "the 95 % interval; for ratios of structure the smallest and largest task, for what spikes "
    "cause the smallest and largest seed."
)


def claims_table(judgements: Sequence[Judgement], results: Results) -> Table:
    """One row per claim: test, our figure and verdict at both budgets, the published figures."""
    by_claim: dict[Claim, dict[str, Judgement]] = {}
    for each in judgements:
        by_claim.setdefault(each.claim, {})[each.budget] = each
    printed = published()
    table = []
    for claim, both in by_claim.items():
        row = {"scope": claim.scope.name, "claim": claim.says, "test": TESTS[claim.test]}
        for budget in BUDGETS:
            row[f"ours {budget}"] = _figures(both[budget])
        row["published"], row["printed in"] = _published(claim, printed)
        for budget in BUDGETS:
            row[f"verdict {budget}"] = both[budget].verdict.value
            row[f"why {budget}"] = both[budget].reason
        table.append(row)
    return Table(
        pd.DataFrame(table),
        "Claims",
        "claims",
        narrow=NARROW,
        caption=f"{RULES} {labels.caption(labels.describe(results))}",
    )


def items_table(judgements: Sequence[Judgement], results: Results) -> Table:
    """One row per claim, budget and task: the numbers behind the verdicts, with exact p values."""
    table = [_item_row(each, finding) for each in judgements for finding in each.findings]
    frame = pd.DataFrame(table)
    _add_holm(frame)
    return Table(
        frame,
        "Claims by task",
        "claims-by-task",
        heads={"p_exact": "exact p", "p_holm": "exact p, Holm over this budget's tests"},
        caption=f"{RULES} Exact p: sign flips over paired seeds, Wilcoxon over the tasks of "
        f"bAbI; shown beside the interval, which decides. "
        f"{labels.caption(labels.describe(results))}",
    )


def _add_holm(frame: pd.DataFrame) -> None:
    """Holm over the accuracies of each budget. A test that two scopes share is one test."""
    for _, part in frame[frame["metric"] == DIFFERENCE].groupby("budget"):
        tests = part.groupby(TEST, dropna=False, sort=False)
        # Not run: in the family, with p = 1.
        adjusted = holm(tests["p_exact"].first().fillna(1.0).to_numpy())
        shared = adjusted[tests.ngroup().to_numpy()]
        frame.loc[part.index, "p_holm"] = np.where(part["p_exact"].isna(), np.nan, shared)


def _item_row(judgement: Judgement, finding: ItemVerdict) -> dict[str, Any]:
    claim, interval = judgement.claim, finding.interval
    ratio = claim.test in ("far fewer", "no extra cost")
    return {
        "scope": claim.scope.name,
        "claim": claim.name,
        "budget": judgement.budget,
        "task": finding.item.name,
        "backbone": finding.item.backbone,
        "metric": f"ratio of {finding.metric or claim.metric}" if ratio else DIFFERENCE,
        "value": interval.estimate if interval else float("nan"),
        "low": interval.low if interval else float("nan"),
        "high": interval.high if interval else float("nan"),
        "n": interval.n if interval else 0,
        "interval": interval.kind if interval else "",
        "p_exact": finding.p_exact,
        "p_holm": float("nan"),
        "verdict": finding.verdict.value,
        "note": "; ".join(part for part in (finding.note, finding.aside) if part),
    }


def _figures(judgement: Judgement) -> str:
    """Our figure of every task that has one: `task value [low, high]`."""
    said = [_figure(judgement.claim, finding) for finding in judgement.findings]
    return "; ".join(text for text in said if text) or NO_FIGURE


def _figure(claim: Claim, finding: ItemVerdict) -> str:
    interval = finding.interval
    if interval is None:
        return ""
    form = "{:+.2f}" if claim.test in ("comparable", "better") else "{:.3g}"
    value, low, high = (form.format(x) for x in (interval.estimate, interval.low, interval.high))
    return f"{finding.item.name} {value} [{low}, {high}]"


def _published(claim: Claim, printed: pd.DataFrame) -> tuple[str, str]:
    """The printed accuracies of both sides on the claim's tasks, and where they stand."""
    if claim.test not in ("comparable", "better"):
        return NO_FIGURE, NO_FIGURE
    figures, sources = [], []
    for item in claim.scope.items:
        sides = printed["baseline"].isin([claim.subject, claim.other])
        there = printed["task"].isin(item.tasks) & (printed["backbone"] == item.backbone)
        for method, part in printed[sides & there].groupby("method", sort=False):
            value = part["value"].mean()
            said = f", mean of 20 {value:.1f}" if item.name == FAMILY else f" {value:.2f}"
            figures.append(f"{item.name} {method}{said} %")
            sources.append(_source(part.iloc[0]))
    return "; ".join(figures) or NO_FIGURE, "; ".join(dict.fromkeys(sources)) or NO_FIGURE


def _source(row: pd.Series) -> str:
    second = "second-hand, " if row["second_hand"] == "yes" else ""
    return f"{row['printed_in']} ({second}{row['protocol']})"
