"""From one record per seed to one row per cell: mean, spread, n."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from liafbench.bench.results import CELL, Results


def values(results: Results, metrics: Iterable[str] | None = None) -> pd.DataFrame:
    """Long frame of settled results: CELL, metric, mean, std, n, unit; all metrics, or some.

    With seeds, std (ddof 1) and n are over seeds; a timing record brings its own spread (half
    the interquartile range) and its number of rounds. Stale records only fill rows that have
    nothing newer.
    """
    records = results.records[shown(results)]
    if metrics is not None:
        records = records[records["metric"].isin(list(metrics))]
    # Sums of floats depend on their order: fix it.
    records = records.sort_values([*CELL, "metric", "seed", "run_id"], kind="stable")
    groups = records.groupby([*CELL, "metric"], sort=True, observed=True)
    frame = groups.agg(
        mean=("value", "mean"),
        std=("value", "std"),
        n=("value", "count"),
        own_spread=("spread", "max"),
        own_n=("n", "max"),
        unit=("unit", "first"),
        seeds=("seed", "count"),
    ).reset_index()
    alone = frame["seeds"] == 0
    frame.loc[alone, "std"] = frame.loc[alone, "own_spread"]
    frame.loc[alone, "n"] = frame.loc[alone, "own_n"]
    return frame.drop(columns=["own_spread", "own_n", "seeds"])


def shown(results: Results) -> pd.Series:
    """Which records are shown: all current ones, stale ones of rows with nothing newer."""
    stale = results.records["fate"] == "stale"
    shown = ~stale
    if stale.any():
        trained = results.runs["kind"] == "train"
        newer = results.runs.loc[trained & results.runs["fate"].isin(["current", "failed"])]
        fresh = pd.MultiIndex.from_frame(newer[CELL]).unique()
        rows = pd.MultiIndex.from_frame(results.records.loc[stale, CELL])
        shown[stale] = ~rows.isin(fresh)
    return shown
