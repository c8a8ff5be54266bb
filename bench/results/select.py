"""Which runs count: stale, superseded and failed ones are told apart, none is forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from liafbench.baselines.budget import TOLERANCE
from liafbench.bench.results.load import (
    CELL,
    RECORD_COLUMNS,
    RUN_COLUMNS,
    TYPES,
    Results,
    find_folders,
    read,
    rows,
)
from liafbench.bench.suites.schema import EQUAL_BACKBONE, EQUAL_BUDGET

RUN = ["suite", "machine", "run_id"]
"""What names one run: the same cell may stand in two suites or on two machines."""

TRAINED_AS = ["recipe", "code", "reference"]
"""What seeds of one row share: recipe, code of other packages, whose budget is matched."""

SIBLING = ["suite", "machine", "task", "backbone", "engine", "budget", "baseline"]
TEXT = (
    "reason", "recipe", "partial", "commit", "device", "kernel", "started", "rate", "code",
    "reference", "timing",
)  # fmt: skip
BLOCK_OF = ["suite", "machine", "task", "backbone", "data", "options", "engine"]
NETWORK = [*BLOCK_OF, "baseline"]


def load(root: Path) -> Results:
    """Every suite and machine below `root`, with what counts selected."""
    return select(read(find_folders(root)))


def select(results: Results) -> Results:
    """Add `status` to the runs, a row for each planned run that is missing, and keep what counts.

    current: the newest run of its cell and seed; failed: the same, without a usable result;
    stale: made before the last fix that changed numbers, and not repeated since; superseded:
    the suite no longer asks for it, or a newer run has taken its place; other recipe: its cell
    has newer seeds by another recipe or other code; missing: planned, and no run file is there.
    Records of current and stale runs stay. Of tuning runs, which only chose a learning rate,
    those that failed stay in the runs.
    """
    runs = results.runs.copy()
    runs["status"] = _statuses(runs, _diverged(runs, results.records), results.plan)
    runs = runs[(runs["kind"] != "tune") | (runs["status"] == "failed")]
    asked = results.plan[results.plan["kind"] == "train"]
    missing = asked[~_among(asked, results.runs, RUN)]
    if len(missing):
        runs = pd.concat([runs, _missing(missing, results)], ignore_index=True)
    kept = runs.loc[runs["status"].isin(["current", "stale"]), [*RUN, "status", "started"]]
    records = results.records.merge(kept, on=RUN, how="inner")
    # A timing run joins several rows: of two that time the same row, the newer one counts.
    records = records.sort_values(["started", "run_id"], kind="stable")
    records = records.drop_duplicates([*CELL, "seed", "metric", "status"], keep="last")
    records = records.drop(columns="started").reset_index(drop=True)
    kept_plan = (results.findings, results.plan, results.stored)
    return Results(records, runs.reset_index(drop=True), *kept_plan)


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
    runs = runs.assign(kind="train", ended="done", stale=False, numerics="", samples=0)
    runs["correct"] = [b""] * len(runs)
    runs["health"] = [()] * len(runs)
    runs.loc[runs["seed"].isna(), "kind"] = "time"
    return select(Results(filled, runs))


def _diverged(runs: pd.DataFrame, records: pd.DataFrame) -> pd.Series:
    """Runs with a value that is no number: a failure, whatever the run says of itself."""
    bad = records["value"].isna() | records["value"].abs().eq(float("inf"))
    found = pd.MultiIndex.from_frame(records.loc[bad, RUN])
    return pd.Series(pd.MultiIndex.from_frame(runs[RUN]).isin(found), index=runs.index)


def _statuses(runs: pd.DataFrame, diverged: pd.Series, plan: pd.DataFrame) -> pd.Series:
    status = pd.Series("current", index=runs.index, dtype=object)
    status[(runs["ended"] != "done") | diverged] = "failed"
    status[runs["stale"].astype(bool)] = "stale"
    dropped = _not_asked_for(runs, plan)
    status[dropped] = "superseded"
    rate = runs["rate"].where(runs["kind"] == "tune", "")  # each rate is a tuning run of its own
    order = runs.assign(fresh=status != "stale", rate=rate)[~dropped]
    order = order.sort_values(["fresh", "started", "run_id"])
    older = order.duplicated([*CELL, "kind", "seed", "rate"], keep="last")
    status[older[older].index] = "superseded"
    status[_of_another_recipe(runs, status)] = "other recipe"
    return status


def _not_asked_for(runs: pd.DataFrame, plan: pd.DataFrame) -> pd.Series:
    """Runs that the plan of their suite and machine does not have.

    A timing run joins whatever a call chose: it stays until its block is timed as planned.
    """
    folder = ["suite", "machine"]
    asked = _among(runs, plan, RUN)
    timed = runs["kind"] == "time"
    done = runs[timed & asked & (runs["ended"] == "done")]
    block = [*folder, "task", "backbone", "engine", "budget", "data"]
    return _among(runs, plan, folder) & ~asked & (~timed | _among(runs, done, block))


def _among(frame: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Which rows of a frame agree in `keys` with one of the others."""
    found = pd.MultiIndex.from_frame(others[keys].drop_duplicates())
    return pd.Series(pd.MultiIndex.from_frame(frame[keys]).isin(found), index=frame.index)


def _of_another_recipe(runs: pd.DataFrame, status: pd.Series) -> pd.Series:
    """Seeds that are not trained as the newest seed of their cell is: never one average."""
    counted = runs[(runs["kind"] == "train") & status.isin(["current", "failed"])]
    counted = counted.sort_values(["started", "run_id"])
    newest = counted.groupby(CELL, sort=False)[TRAINED_AS].transform("last")
    differs = (counted[TRAINED_AS] != newest).any(axis=1)
    return differs.reindex(runs.index, fill_value=False)


def _missing(cells: pd.DataFrame, results: Results) -> pd.DataFrame:
    """A row like a run's for each planned training cell that has no readable run file."""
    places = [_row_of(cell, results) for cell in rows(cells)]
    found = cells.reindex(columns=[*RUN_COLUMNS, "status"])
    found["data"], found["options"] = [data for data, _ in places], [own for _, own in places]
    found[list(TEXT)] = ""
    found = found.assign(ended="missing", status="missing", stale=False, numerics="", samples=0)
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


def fits_budget(parameters: float, budget: float) -> bool:
    """Whether a network has the parameters of a budget, as near as widths can match it."""
    return abs(parameters - budget) <= TOLERANCE * budget


def within_budget(results: Results) -> Results:
    """Selected results in which such networks stand at equal budget too, as `stands_in` says.

    They run once, at equal backbone. Where a place has runs at equal budget, the runs at equal
    backbone of every baseline within 5 % of the reference's parameters (its own among them) are
    added there, but for baselines that were run, or are asked for, at equal budget. Timing is
    not added: it compares only what one run interleaved.
    """
    if "stands_in" in results.runs:
        return results
    trained = results.runs[results.runs["kind"] == "train"]
    fits = _fitting(trained, results.records)
    runs = results.runs.assign(stands_in=False)
    if not fits:
        return replace(results, runs=runs)
    added = trained[(trained["budget"] == EQUAL_BACKBONE) & _in(trained, NETWORK, fits)]
    names = list(map(tuple, added[["suite", "machine", "run_id"]].to_numpy()))
    records = results.records[_in(results.records, ["suite", "machine", "run_id"], names)]
    return replace(
        results,
        runs=pd.concat(
            [runs, added.assign(budget=EQUAL_BUDGET, stands_in=True)], ignore_index=True
        ),
        records=pd.concat(
            [results.records, records.assign(budget=EQUAL_BUDGET)], ignore_index=True
        ),
    )


def _fitting(trained: pd.DataFrame, records: pd.DataFrame) -> list[tuple[str, ...]]:
    """The networks (NETWORK) that stand in at equal budget."""
    scaled = trained[(trained["budget"] == EQUAL_BUDGET) & (trained["reference"] != "")]
    wanted = {tuple(row[key] for key in BLOCK_OF): row["reference"] for row in rows(scaled)}
    there = set(map(tuple, trained.loc[trained["budget"] == EQUAL_BUDGET, NETWORK].to_numpy()))
    counted = records[(records["metric"] == "parameters") & (records["budget"] == EQUAL_BACKBONE)]
    sizes = {tuple(row[key] for key in NETWORK): row["value"] for row in rows(counted)}
    fits = []
    for network, size in sizes.items():
        place = network[:-1]
        budget = sizes.get((*place, wanted.get(place, "")))
        if budget is None or network in there:
            continue
        if fits_budget(size, budget):
            fits.append(network)
    return fits


def _in(frame: pd.DataFrame, keys: list[str], chosen: list[tuple[str, ...]]) -> pd.Series:
    found = pd.MultiIndex.from_frame(frame[keys]).isin(chosen)
    return pd.Series(found, index=frame.index)
