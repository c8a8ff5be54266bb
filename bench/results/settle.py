"""Which runs count: stale, superseded and failed ones are told apart, none is forgotten."""

from __future__ import annotations

import pandas as pd

from bench.results.read import RECORD_COLUMNS, RUN_COLUMNS, TYPES, Results

CELL = ["suite", "machine", "task", "backbone", "data", "budget", "baseline", "options", "engine"]
"""What makes two runs seeds of one table row."""


RUN = ["suite", "machine", "run_id"]
"""What names one run: the same cell may stand in two suites or on two machines."""


def settle(results: Results) -> Results:
    """Add `fate` to the runs and keep the records of the runs that count.

    current: the newest run of its cell and seed; failed: the same, without a usable result;
    stale: made before the last fix that changed numbers, and not repeated since; superseded:
    a newer run has taken its place. Records of current and stale runs stay. Tuning runs only
    chose a learning rate and are left out.
    """
    runs = results.runs[results.runs["kind"] != "tune"].copy()
    runs["fate"] = _fates(runs, _diverged(runs, results.records))
    kept = runs.loc[runs["fate"].isin(["current", "stale"]), [*RUN, "fate", "started"]]
    records = results.records.merge(kept, on=RUN, how="inner")
    # A timing run joins several rows: of two that time the same row, the newer one counts.
    records = records.sort_values(["started", "run_id"], kind="stable")
    records = records.drop_duplicates([*CELL, "seed", "metric", "fate"], keep="last")
    records = records.drop(columns="started").reset_index(drop=True)
    return Results(records, runs.reset_index(drop=True), results.problems)


def from_records(records: pd.DataFrame) -> Results:
    """Settled results of bare records, as records.csv has them: every run finished and counts."""
    filled = records.copy()
    for column in ("suite", "machine", "data", "options"):
        if column not in filled:
            filled[column] = ""
    filled = filled.reindex(columns=list(RECORD_COLUMNS)).astype(TYPES)
    runs = filled.drop_duplicates(RUN).reindex(columns=list(RUN_COLUMNS))
    for column in ("reason", "recipe", "partial", "commit", "device", "kernel", "started"):
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


def _fates(runs: pd.DataFrame, diverged: pd.Series) -> pd.Series:
    failed = (runs["status"] != "done") | diverged
    fate = pd.Series("current", index=runs.index, dtype=object)
    fate[failed] = "failed"
    fate[runs["stale"].astype(bool)] = "stale"
    order = runs.assign(fresh=fate != "stale").sort_values(["fresh", "started", "run_id"])
    newest = ~order.duplicated([*CELL, "kind", "seed"], keep="last")
    fate[~newest.reindex(runs.index)] = "superseded"
    return fate
