"""How far each cell got: seeds that finished, failed or are stale, and what to know of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from liafbench.bench.results import CELL, Results, rows
from liafbench.bench.results.bits import answered_alike, unpack
from liafbench.bench.results.source import commits
from liafbench.bench.statistics import Interval, over_both, over_samples, over_seeds

SHARED_LOSS = "cross-entropy"
STATE = (
    "status",
    "seeds",
    "failed",
    "low",
    "high",
    "interval",
    "loss",
    "stands_in",
    "commit",
    "note",
)
RUN = ("suite", "machine", "run_id")

Row = dict[str, Any]


def states(results: Results) -> pd.DataFrame:
    """One row per cell that was trained: CELL and STATE."""
    runs = results.runs
    trained = runs[(runs["kind"] == "train") & (runs["fate"] != "superseded")]
    measured = results.records[results.records["metric"] == "test_accuracy"]
    accuracy = {tuple(row[key] for key in RUN): row["value"] for row in rows(measured)}
    cells: dict[tuple[str, ...], list[Row]] = {}
    for run in rows(trained.sort_values(["seed", "run_id"])):
        run["accuracy"] = accuracy.get(tuple(run[key] for key in RUN))
        cells.setdefault(tuple(run[key] for key in CELL), []).append(run)
    table = [dict(zip(CELL, key, strict=True)) | _state(cell) for key, cell in cells.items()]
    return pd.DataFrame.from_records(table, columns=[*CELL, *STATE])


def _state(runs: list[Row]) -> Row:
    failed, done, stale, missing, other = (
        [run for run in runs if run["fate"] == fate]
        for fate in ("failed", "current", "stale", "missing", "other recipe")
    )
    only_stale = bool(stale) and not done and not failed
    counted = stale if only_stale else done
    interval = accuracy_interval([run for run in counted if run["accuracy"] is not None])
    return {
        "status": "stale" if only_stale else _status(done, failed, missing, other),
        "seeds": len(counted),
        "failed": len(failed),
        "low": interval.low if interval else np.nan,
        "high": interval.high if interval else np.nan,
        "interval": interval.kind if interval else "",
        "loss": _loss((counted or runs)[-1]["recipe"]),
        "stands_in": bool(runs[0].get("stands_in", False)),
        "commit": ", ".join(commits(run["commit"] for run in counted)),
        "note": "; ".join([*_absent(missing, other), *_notes(failed, counted, stale, only_stale)]),
    }


def _status(done: list[Row], failed: list[Row], missing: list[Row], other: list[Row]) -> str:
    if other:
        return "mixed recipes"
    if done:
        return "incomplete" if failed or missing else "done"
    return "failed" if failed else "missing"


def _absent(missing: list[Row], other: list[Row]) -> list[str]:
    """What is not in the mean: planned seeds without a run, seeds of another recipe."""
    said = (
        (missing, "planned and not run"),
        (other, "trained by another recipe or other code, not averaged"),
    )
    return [f"seed {_listed(runs)} {why}" for runs, why in said if runs]


def _listed(runs: list[Row]) -> str:
    return ", ".join(str(run["seed"]) for run in runs)


def _notes(failed: list[Row], counted: list[Row], stale: list[Row], only_stale: bool) -> list[str]:
    notes = [f"seed {run['seed']} failed: {run['reason'] or NO_NUMBER}" for run in failed]
    if stale:
        shown = "stale" if only_stale else "stale seeds not shown"
        notes.append(f"{len(stale)} {shown} (made before a fix that changed numbers)")
    notes += sorted({run["partial"] for run in counted if run["partial"]})
    return notes + [
        f"seed {run['seed']}: {finding}" for run in counted for finding in run["health"]
    ]


NO_NUMBER = "a value is not a number"


def _loss(recipe: str) -> str:
    """The loss where it is not the shared one."""
    loss = json.loads(recipe).get("loss", SHARED_LOSS) if recipe else SHARED_LOSS
    return "" if loss == SHARED_LOSS else f"loss {loss}"


def accuracy_interval(runs: list[Row]) -> Interval | None:
    """The 95 % interval of the test accuracy [%] that the runs of one cell allow."""
    samples = answered_alike([(run["correct"], run["samples"]) for run in runs])
    if len(runs) == 0 or (len(runs) == 1 and not samples):
        return None
    if not samples:
        return over_seeds([run["accuracy"] for run in runs])
    right = unpack([run["correct"] for run in runs], samples)
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
