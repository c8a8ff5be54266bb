"""Rows and columns a reader asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from liafbench.baselines.errors import unknown
from liafbench.bench.results import Results, names
from liafbench.bench.tables.comparison import LEAD, NOTES, columns_of, metrics_of


def choose_rows(
    results: Results, tasks: Sequence[str] | None, baselines: Sequence[str] | None
) -> Results:
    """Settled results of these tasks (`babi` means its twenty) and baselines only.

    Raises UsageError for unknown names.
    """
    records, runs = results.records, results.runs
    if tasks:
        known = set(records["task"]) | set(runs["task"])
        wanted = _expanded(tasks, known)
        records, runs = records[records["task"].isin(wanted)], runs[runs["task"].isin(wanted)]
    if baselines:
        trained = set(runs.loc[runs["kind"] != "time", "baseline"])
        known = set(records["baseline"]) | trained
        _check("baseline", baselines, known)
        records = records[records["baseline"].isin(baselines)]
        runs = runs[runs["baseline"].isin(baselines) | (runs["kind"] == "time")]
    return replace(results, records=records, runs=runs)


def choose_columns(frame: pd.DataFrame, metrics: Sequence[str] | None) -> pd.DataFrame:
    """Only these metrics of a comparison frame, in the order asked for."""
    if not metrics or frame.attrs.get("layout") != "metrics":
        return frame
    _check("column", metrics, metrics_of(frame))
    chosen = frame[[*LEAD, *columns_of(metrics), *NOTES]]
    chosen.attrs |= {"title": "Comparison", "label": "comparison"}
    return chosen


def _expanded(tasks: Sequence[str], known: set[str]) -> set[str]:
    if names.FAMILY in tasks and names.FAMILY not in known:
        tasks = [task for task in tasks if task != names.FAMILY]
        tasks += [task for task in names.FAMILY_TASKS if task in known]
    _check("task", tasks, known)
    return set(tasks)


def _check(kind: str, asked: Sequence[str], known: Sequence[str] | set[str]) -> None:
    for name in asked:
        if name not in known:
            raise unknown(kind, name, known)
