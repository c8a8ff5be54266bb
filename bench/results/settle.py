"""Which runs count: stale, superseded and failed ones are told apart, none is forgotten."""

from __future__ import annotations

from typing import Any

import pandas as pd

from liafbench.bench.results.frames import rows
from liafbench.bench.results.read import RECORD_COLUMNS, RUN_COLUMNS, TYPES, Results

CELL = ["suite", "machine", "task", "backbone", "data", "budget", "baseline", "options", "engine"]
"""What makes two runs seeds of one table row."""


RUN = ["suite", "machine", "run_id"]
"""What names one run: the same cell may stand in two suites or on two machines."""

TRAINED_AS = ["recipe", "code", "reference"]
"""What seeds of one row share: recipe, code of other packages, whose budget is matched."""

SIBLING = ["suite", "machine", "task", "backbone", "engine", "budget", "baseline"]
TEXT = (
    "reason", "recipe", "partial", "commit", "device", "kernel", "started", "rate", "code",
    "reference", "timing",
)  # fmt: skip


def settle(results: Results) -> Results:
    """Add `fate` to the runs, a row for each planned run that is missing, and keep what counts.

    current: the newest run of its cell and seed; failed: the same, without a usable result;
    stale: made before the last fix that changed numbers, and not repeated since; superseded:
    the suite no longer asks for it, or a newer run has taken its place; other recipe: its cell
    has newer seeds by another recipe or other code; missing: planned, and no run file is there.
    Records of current and stale runs stay. Of tuning runs, which only chose a learning rate,
    those that failed stay in the runs.
    """
    runs = results.runs.copy()
    runs["fate"] = _fates(runs, _diverged(runs, results.records), results.plan)
    runs = runs[(runs["kind"] != "tune") | (runs["fate"] == "failed")]
    asked = results.plan[results.plan["kind"] == "train"]
    missing = asked[~_among(asked, results.runs, RUN)]
    if len(missing):
        runs = pd.concat([runs, _missing(missing, results)], ignore_index=True)
    kept = runs.loc[runs["fate"].isin(["current", "stale"]), [*RUN, "fate", "started"]]
    records = results.records.merge(kept, on=RUN, how="inner")
    # A timing run joins several rows: of two that time the same row, the newer one counts.
    records = records.sort_values(["started", "run_id"], kind="stable")
    records = records.drop_duplicates([*CELL, "seed", "metric", "fate"], keep="last")
    records = records.drop(columns="started").reset_index(drop=True)
    return Results(records, runs.reset_index(drop=True), results.problems, results.plan)


def from_records(records: pd.DataFrame) -> Results:
    """Settled results of bare records, as records.csv has them: every run finished and counts."""
    filled = records.copy()
    for column in ("suite", "machine", "data", "options"):
        if column not in filled:
            filled[column] = ""
    filled = filled.reindex(columns=list(RECORD_COLUMNS)).astype(TYPES)
    runs = filled.drop_duplicates(RUN).reindex(columns=list(RUN_COLUMNS))
    for column in TEXT:
        runs[column] = ""
    runs = runs.assign(kind="train", status="done", stale=False, numerics="", samples=0)
    runs["correct"] = [b""] * len(runs)
    runs["health"] = [()] * len(runs)
    runs.loc[runs["seed"].isna(), "kind"] = "time"
    return settle(Results(filled, runs))


def _diverged(runs: pd.DataFrame, records: pd.DataFrame) -> pd.Series:
    """Runs with a value that is no number: a failure, whatever the run says of itself."""
    bad = records["value"].isna() | records["value"].abs().eq(float("inf"))
    found = pd.MultiIndex.from_frame(records.loc[bad, RUN])
    return pd.Series(pd.MultiIndex.from_frame(runs[RUN]).isin(found), index=runs.index)


def _fates(runs: pd.DataFrame, diverged: pd.Series, plan: pd.DataFrame) -> pd.Series:
    fate = pd.Series("current", index=runs.index, dtype=object)
    fate[(runs["status"] != "done") | diverged] = "failed"
    fate[runs["stale"].astype(bool)] = "stale"
    dropped = _not_asked_for(runs, plan)
    fate[dropped] = "superseded"
    rate = runs["rate"].where(runs["kind"] == "tune", "")  # each rate is a tuning run of its own
    order = runs.assign(fresh=fate != "stale", rate=rate)[~dropped]
    order = order.sort_values(["fresh", "started", "run_id"])
    older = order.duplicated([*CELL, "kind", "seed", "rate"], keep="last")
    fate[older[older].index] = "superseded"
    fate[_of_another_recipe(runs, fate)] = "other recipe"
    return fate


def _not_asked_for(runs: pd.DataFrame, plan: pd.DataFrame) -> pd.Series:
    """Runs that the plan of their suite and machine does not have.

    A timing run joins whatever a call chose: it stays until its block is timed as planned.
    """
    folder = ["suite", "machine"]
    asked = _among(runs, plan, RUN)
    timed = runs["kind"] == "time"
    done = runs[timed & asked & (runs["status"] == "done")]
    block = [*folder, "task", "backbone", "engine", "budget", "data"]
    return _among(runs, plan, folder) & ~asked & (~timed | _among(runs, done, block))


def _among(frame: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Which rows of a frame agree in `keys` with one of the others."""
    found = pd.MultiIndex.from_frame(others[keys].drop_duplicates())
    return pd.Series(pd.MultiIndex.from_frame(frame[keys]).isin(found), index=frame.index)


def _of_another_recipe(runs: pd.DataFrame, fate: pd.Series) -> pd.Series:
    """Seeds that are not trained as the newest seed of their cell is: never one average."""
    counted = runs[(runs["kind"] == "train") & fate.isin(["current", "failed"])]
    counted = counted.sort_values(["started", "run_id"])
    other = pd.Series(False, index=runs.index)
    for _, cell in counted.groupby(CELL, sort=False):
        newest = cell[TRAINED_AS].iloc[-1]
        differs = (cell[TRAINED_AS] != newest).any(axis=1)
        other[differs[differs].index] = True
    return other


def _missing(cells: pd.DataFrame, results: Results) -> pd.DataFrame:
    """A row like a run's for each planned training cell that has no readable run file."""
    places = [_row_of(cell, results) for cell in rows(cells)]
    found = cells.reindex(columns=[*RUN_COLUMNS, "fate"])
    found["data"], found["options"] = [data for data, _ in places], [own for _, own in places]
    found[list(TEXT)] = ""
    found = found.assign(status="missing", fate="missing", stale=False, numerics="", samples=0)
    found["correct"] = [b""] * len(found)
    found["health"] = [()] * len(found)
    return found.astype({"seed": "Int64"})


def _row_of(cell: dict[str, Any], results: Results) -> tuple[str, str]:
    """Data and options of a planned cell: the plan's own, else those of its planned siblings."""
    if isinstance(cell["data"], str) and isinstance(cell["options"], str):
        return cell["data"], cell["options"]
    runs = results.runs[_among(results.runs, results.plan, RUN) & (results.runs["kind"] == "train")]
    for keys in (SIBLING, SIBLING[:-1]):
        same = runs[(runs[keys] == [cell[key] for key in keys]).all(axis=1)]
        if len(same):
            first = same.sort_values("run_id").iloc[0]
            return str(first["data"]), str(first["options"])
    return "", ""
