"""From one record per seed to one row per cell: mean, spread, n; and what did not finish."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bench.results import CELL, Results, blocks, rows
from bench.results.bits import answered_alike, unpack
from bench.statistics import Interval, over_both, over_samples, over_seeds


def values(results: Results) -> pd.DataFrame:
    """Long frame of settled results: CELL, metric, mean, std, n, unit.

    With seeds, std (ddof 1) and n are over seeds; a timing record brings its own spread (half
    the interquartile range) and its number of rounds. Stale records only fill rows that have
    nothing newer.
    """
    records = results.records[_shown(results)]
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


def _shown(results: Results) -> pd.Series:
    """Which records are shown: all current ones, stale ones of rows with nothing newer."""
    newer = results.runs.loc[results.runs["fate"].isin(["current", "failed"])]
    fresh = pd.MultiIndex.from_frame(newer[CELL]).unique()
    rows = pd.MultiIndex.from_frame(results.records[CELL])
    stale = (results.records["fate"] == "stale").to_numpy()
    return pd.Series(~(stale & rows.isin(fresh)), index=results.records.index)


def states(results: Results) -> pd.DataFrame:
    """One row per cell that was trained: status, seeds, notes, interval."""
    runs = results.runs
    trained = runs[(runs["kind"] == "train") & (runs["fate"] != "superseded")]
    trained = trained.sort_values(["seed", "run_id"])
    measured = results.records[results.records["metric"] == "test_accuracy"]
    accuracy = measured.set_index("run_id")["value"]
    cells = [key | _state(cell, accuracy) for key, cell in blocks(trained, CELL)]
    return pd.DataFrame.from_records(cells, columns=[*CELL, *STATE])


SHARED_LOSS = "cross-entropy"
STATE = ("status", "seeds", "failed", "low", "high", "interval", "loss", "note")


def _state(runs: pd.DataFrame, accuracy: pd.Series) -> dict[str, Any]:
    """How far one cell got."""
    failed, done, stale = (runs[runs["fate"] == fate] for fate in ("failed", "current", "stale"))
    notes = [
        f"seed {run['seed']} failed: {run['reason'] or 'a value is no number'}"
        for run in rows(failed)
    ]
    if len(stale):
        shown = "stale" if len(done) + len(failed) == 0 else "stale seeds not shown"
        notes.append(f"{len(stale)} {shown} (made before a fix that changed numbers)")
    if len(done) + len(failed) == 0:
        status, done = "stale", stale
    else:
        status = "done" if not len(failed) else "failed" if not len(done) else "incomplete"
    notes += sorted({f"partial data: {text}" for text in done["partial"] if text})
    notes += [f"seed {run['seed']}: {finding}" for run in rows(done) for finding in run["health"]]
    interval = accuracy_interval(done, accuracy)
    return {
        "status": status,
        "seeds": len(done),
        "failed": len(failed),
        "low": interval.low if interval else np.nan,
        "high": interval.high if interval else np.nan,
        "interval": interval.kind if interval else "",
        "loss": loss_of(runs["recipe"].iloc[-1]),
        "note": "; ".join(notes),
    }


def loss_of(recipe: str) -> str:
    """The loss where it is not the shared one."""
    loss = json.loads(recipe).get("loss", SHARED_LOSS) if recipe else SHARED_LOSS
    return "" if loss == SHARED_LOSS else f"loss {loss}"


def accuracy_interval(runs: pd.DataFrame, accuracy: pd.Series) -> Interval | None:
    """The 95 % interval of the test accuracy [%] that the runs of one cell allow."""
    runs = runs[runs["run_id"].isin(accuracy.index)]
    samples = answered_alike(list(zip(runs["correct"], runs["samples"], strict=True)))
    if len(runs) == 0 or (len(runs) == 1 and not samples):
        return None
    if not samples:
        return over_seeds(accuracy[runs["run_id"]].to_numpy())
    right = unpack(runs["correct"], samples)
    if len(runs) == 1:
        return percent(over_samples(int(right.sum()), samples))
    return percent(over_both(right)) if samples > 1 else None


def percent(interval: Interval) -> Interval:
    """An interval of shares as one of percentages."""
    return replace(
        interval,
        estimate=100 * interval.estimate,
        low=100 * interval.low,
        high=100 * interval.high,
        error=100 * interval.error,
    )
