"""The same cells of two folders as ratios."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from liafbench.baselines.errors import UsageError
from liafbench.bench.results import CELL, Results, load
from liafbench.bench.tables.comparison import aggregated


def read_side(root: Path) -> Results:
    """Selected results of a folder that holds each suite for one machine only."""
    results = load(root)
    machines = results.records.groupby("suite")["machine"].agg(lambda names: sorted(set(names)))
    for suite, names in machines.items():
        if len(names) > 1:
            raise UsageError(
                f"{root}: holds {suite} of several machines ({', '.join(names)}); name the folder "
                f"of one, for instance {root / str(suite) / names[0]}"
            )
    return results


def ratios(a: Results, b: Results) -> pd.DataFrame:
    """One row per cell and metric of both: a, b, their spreads and n, and ratio = b / a.

    `apart` says that the values differ by more than their spreads together. The suite's name is
    part of a cell unless the two have no suite in common. UsageError without any common cell.
    """
    left, right = aggregated(a), aggregated(b)
    key = [name for name in CELL if name != "machine"]
    if not set(left["suite"]) & set(right["suite"]):
        key.remove("suite")
    frame = left.merge(right, on=[*key, "metric", "unit"], suffixes=("_a", "_b"))
    if frame.empty:
        raise UsageError("the two folders have no cell and metric in common")
    difference = (frame["mean_b"] - frame["mean_a"]).abs()
    spread = frame["std_a"].fillna(0.0) + frame["std_b"].fillna(0.0)
    same = frame["mean_a"] == frame["mean_b"]
    frame["ratio"] = np.where(same, 1.0, frame["mean_b"] / frame["mean_a"].replace(0.0, np.nan))
    frame["apart"] = difference > spread
    frame = frame.rename(
        columns={"mean_a": "a", "std_a": "spread_a", "mean_b": "b", "std_b": "spread_b"}
    )
    shown = ["a", "spread_a", "n_a", "b", "spread_b", "n_b", "ratio", "apart"]
    return frame[[*key, "metric", "unit", *shown]]
