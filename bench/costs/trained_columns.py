"""What the trained networks of a place cost on average, for the cost table.

Dense counts follow from shapes; the sparse ones, and the dense ones of real stories, do not: they
are means over finished trainings.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from liafbench.bench.counting.counts import SPARSE

KEYS = ["task", "backbone", "budget", "baseline"]
TRAINED = {
    "mac_dense": "trained_mac_dense",
    "elementwise": "trained_elementwise",
    **{metric: metric for metric in (*SPARSE, "spike_rate")},
}
"""Metrics of trained networks, and their columns in the cost table."""
APART = ("machine", "data")
"""What the trained networks of one mean share, besides their suite."""
ABOUT = (
    "trained_suite", "trained_machine", "trained_runs", "trained_samples", "trained_why_not",
)  # fmt: skip
USUAL = {"status": "current", "options": "", "engine": "native"}
"""What trained networks are counted; bare records may lack these columns."""


def trained_means(records: pd.DataFrame | None) -> dict[tuple[str, ...], dict[str, Any]]:
    """Means over the trained networks of every place; why there are none where they do not mix.

    Only current runs of default options on the native engine count. Rows that are compared come
    from one suite, the one with most baselines there. Runs of two machines or data options are
    other networks on other data: no mean of them says what a place costs.
    """
    if records is None or records.empty:
        return {}
    kept = records[records["metric"].isin(TRAINED)]
    for column, usual in USUAL.items():
        if column in kept:
            kept = kept[kept[column] == usual]
    if "suite" not in kept:
        kept = kept.assign(suite="")
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for where, block in kept.groupby(KEYS[:-1], observed=True):
        suite = _chosen(block)
        for baseline, group in block.groupby("baseline", observed=True):
            found[(*map(str, where), str(baseline))] = _mean(group, suite)
    return found


def _chosen(block: pd.DataFrame) -> str:
    """The suite with most baselines in a block, of these most runs, of these the first by name."""
    counts = block.groupby(["suite", "baseline", "metric"], observed=True).size()
    runs = counts.groupby(["suite", "baseline"]).max().groupby("suite").agg(["size", "sum"])
    ordered = runs.reset_index().sort_values(
        ["size", "sum", "suite"], ascending=[False, False, True]
    )
    return str(ordered["suite"].iloc[0])


def _mean(group: pd.DataFrame, suite: str) -> dict[str, Any]:
    """The means of one place in one suite, or why there is none."""
    here = group[group["suite"] == suite]
    if here.empty:
        return {"trained_why_not": f"trained in {_list(group['suite'])}, the others in {suite}"}
    for column in APART:
        if column in here and here[column].nunique() > 1:
            return {
                "trained_suite": suite,
                "trained_why_not": f"trained with more than one {column}: {_list(here[column])}",
            }
    values = here.groupby("metric", observed=True)["value"]
    row: dict[str, Any] = {TRAINED[str(name)]: mean for name, mean in values.mean().items()}
    row |= {"trained_suite": suite, "trained_runs": int(values.count().max())}
    if "machine" in here:
        row["trained_machine"] = here["machine"].iloc[0]
    counted = here[here["metric"].isin(SPARSE)]
    if "n" in counted and len(counted):
        row["trained_samples"] = int(counted["n"].min())
    return row


def _list(values: pd.Series) -> str:
    return ", ".join(sorted(str(each) or "default" for each in values.unique()))
