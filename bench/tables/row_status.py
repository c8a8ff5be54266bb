"""How far each row got: its seeds, what to know of them, and on what samples it was counted."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from liafbench.bench.results import CELL, Results, labels, rows
from liafbench.bench.results.select import RUN
from liafbench.bench.statistics import (
    Interval,
    answered_alike,
    over_both,
    over_samples,
    over_seeds,
    unpack,
)
from liafbench.bench.tables.columns import ENERGY, ON_SAMPLES
from liafbench.bench.tables.table import Sampled

SHARED_LOSS = "cross-entropy"
STATE = (
    "status", "seeds", "failed", "low", "high", "interval", "loss", "stands_in", "commit", "note",
)  # fmt: skip

Row = dict[str, Any]


def row_status(results: Results) -> pd.DataFrame:
    """One row per cell that was trained: CELL and STATE."""
    runs = results.runs
    trained = runs[(runs["kind"] == "train") & (runs["status"] != "superseded")]
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
        [run for run in runs if run["status"] == status]
        for status in ("failed", "current", "stale", "missing", "other recipe")
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
        "commit": ", ".join(labels.commits(run["commit"] for run in counted)),
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


def sampled(
    results: Results, shown: pd.Series, block: list[str]
) -> dict[tuple[str, ...], dict[str, Sampled]]:
    """On what test samples operations were counted: by block and metric, of the records shown."""
    records = results.records[shown]
    tested = records[records["metric"] == "test_accuracy"]
    run = list(RUN)
    whole = tested.groupby(run, observed=True)["n"].max().rename("whole")
    counted = records["metric"].isin(ON_SAMPLES) | records["metric"].str.startswith(ENERGY)
    counts = records[counted].join(whole, run)
    n, value = counts["n"], counts["value"]
    # Samples of a finite set, without replacement: all of it has no error. No spread, none known.
    left = (1 - n / counts["whole"].fillna(np.inf)).clip(lower=0)
    nothing = value.eq(0)  # counted, and none of it in any sample
    relative = (counts["spread"] / value.mask(nothing)).mask(nothing, counts["spread"])
    counts["error"] = 100 * relative * np.sqrt(left / n)
    counts["everything"] = n.ge(counts["whole"])
    counts["whole"] = counts["whole"].fillna(np.inf)
    groups = counts.groupby([*block, "metric"])
    table = groups.agg(
        least=("n", "min"),
        most=("n", "max"),
        whole=("whole", "max"),
        everything=("everything", "all"),
        error=("error", "max"),
    )
    found: dict[tuple[str, ...], dict[str, Sampled]] = {}
    for row in rows(table.reset_index()):
        size = math.nan if math.isinf(row["whole"]) else row["whole"]
        place = tuple(row[key] for key in block)
        found.setdefault(place, {})[row["metric"]] = Sampled(
            row["least"], row["most"], size, row["everything"], row["error"]
        )
    return found


def samples_said(sampled: Iterable[Sampled]) -> str:
    """One sentence for the metrics of a table; nothing where none was counted on samples."""
    parts = list(sampled)
    if not parts:
        return ""
    least, most = min(each.least for each in parts), max(each.most for each in parts)
    numbers = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    if all(each.everything for each in parts):
        return f"counts and energies are means over all {numbers} test samples"
    whole = max(each.whole for each in parts)
    of = "" if math.isnan(whole) else f" of {whole:,.0f}"
    errors = [each.error for each in parts if not math.isnan(each.error)]
    # They are spread evenly, which is as good where the order of a test set has no period.
    moved = (
        f"with a standard error of up to {max(errors):.1f} % (as of a random choice)"
        if errors
        else "error not known"
    )
    return f"counts and energies are means over {numbers}{of} test samples, {moved}"
