"""The comparison: one row per cell, its metrics side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from liafbench.bench.results import (
    CELL,
    Results,
    blocks,
    labels,
    rows,
    select,
    widen,
    within_budget,
)
from liafbench.bench.results.select import from_records
from liafbench.bench.tables.columns import COST, ENERGY, MAIN, MAIN_ENERGY, place
from liafbench.bench.tables.row_status import NO_NUMBER, row_status, sampled
from liafbench.bench.tables.table import MetricsTable, Table

BLOCK = ["suite", "machine", "task", "backbone", "data", "budget"]
"""Rows that are compared with each other share these."""
KEYS = [*BLOCK, "baseline", "options", "engine"]
LEAD = [*KEYS, "role", "status", "seeds", "failed"]
NOTES = ["mark", "commit", "note"]
AS_IS = "as at equal backbone"
"""The mark of a network that is within the budget already and was not run again."""
INTERVAL = ("low", "high", "interval")

UNFINISHED = ["what", "task", "backbone", "budget", "baseline", "seed", "run", "reason"]

WHY = {
    "superseded": "the suite no longer asks for it, or a newer run of its cell and seed counts",
    "other recipe": "newer seeds of its cell have another recipe or other code",
    "missing": "the suite asks for it and no run file is there",
}

Records = pd.DataFrame | Results


def selected(records: Records) -> Results:
    """Results with what counts selected: as read, as selected before, or from bare records."""
    if isinstance(records, pd.DataFrame):
        return from_records(records)
    return records if "status" in records.runs else select(records)


def comparison(records: Records) -> MetricsTable:
    """What each baseline gives and costs on each task: the metrics of MAIN, two energies.

    One row per cell: KEYS, role, status (done, incomplete, failed, stale, n/a), seeds that
    finished and failed, then per metric its mean, `<metric>_std` and `<metric>_n`.
    """
    return main_columns(everything(records))


def cost(records: Records) -> MetricsTable:
    """What a sample costs: sizes, operations by kind and every energy estimate."""
    return cost_columns(everything(records))


def main_columns(table: MetricsTable) -> MetricsTable:
    """The comparison out of a table of everything."""
    kept = [metric for metric in table.metrics if metric in (*MAIN, *MAIN_ENERGY)]
    return chosen(table, kept, "Comparison", "comparison")


def cost_columns(table: MetricsTable) -> MetricsTable:
    """The cost out of a table of everything."""
    kept = [each for each in table.metrics if each in COST or each.startswith(ENERGY)]
    return chosen(table, kept, "Cost", "cost")


def columns_of(metrics: Sequence[str]) -> list[str]:
    """The columns that metrics take in a comparison frame."""
    columns: list[str] = []
    for metric in metrics:
        columns += [metric, f"{metric}_std", f"{metric}_n"]
        if metric == "test_accuracy":
            columns += [f"{metric}_{part}" for part in INTERVAL]
    return columns


def chosen(table: MetricsTable, metrics: Sequence[str], title: str, label: str) -> MetricsTable:
    """Some metrics of a table, in the order given."""
    kept = [metric for metric in metrics if metric in table.metrics]
    frame = table.frame[[*LEAD, *columns_of(kept), *NOTES]]
    return replace(table, frame=frame, title=title, label=label)


def everything(records: Records) -> MetricsTable:
    """Every metric there is, users' own too; accuracies of groups have a table of their own.

    Networks that are within the budget at equal backbone stand at equal budget too, marked.
    """
    results = within_budget(selected(records))
    metrics = [metric for metric in results.records["metric"].unique() if "/" not in metric]
    long = aggregated(results, metrics)
    present = sorted(long["metric"].unique(), key=place)
    table = widen(long[[*CELL, "metric", "mean", "std", "n"]], CELL, "metric")
    frame = row_status(results).set_index(CELL).join(table, how="outer").reset_index()
    frame = _described(_with_absent(frame))
    columns = [*LEAD, *columns_of(present), *NOTES]
    frame = _sorted(frame).reindex(columns=columns)
    frame = frame.astype(dict.fromkeys([f"{metric}_n" for metric in present], "Int64"))
    return MetricsTable(
        frame=frame,
        title="All metrics",
        label="metrics",
        units=dict(zip(long["metric"], long["unit"], strict=True)),
        source=labels.describe(results),
        timed=_timed(results),
        sampled=sampled(results, shown(results), BLOCK),
    )


def _timed(results: Results) -> dict[tuple[str, ...], str]:
    """By block: on what batch and threads its speeds were measured."""
    runs = results.runs
    timed = runs[(runs["kind"] == "time") & (runs["status"] == "current") & (runs["timing"] != "")]
    return {
        tuple(where[key] for key in BLOCK): " and ".join(sorted(part["timing"].unique()))
        for where, part in blocks(timed, BLOCK)
    }


def _described(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill in what rows without a training run lack; add role and mark."""
    text = dict.fromkeys(("interval", "loss", "commit", "note"), "")
    frame = frame.fillna({"status": "timed only", "seeds": 0, "failed": 0, **text})
    frame = frame.fillna({"stands_in": False})
    frame = frame.astype({"seeds": "int64", "failed": "int64", "stands_in": bool})
    roles = [labels.role(baseline) for baseline in frame["baseline"]]
    added = pd.DataFrame({"role": roles, "mark": [_mark(row) for row in rows(frame)]}, frame.index)
    frame = pd.concat([frame, added], axis=1)
    return frame.rename(columns={part: f"test_accuracy_{part}" for part in INTERVAL})


def _mark(row: dict[str, Any]) -> str:
    """What sets a row apart: nothing to integrate, a loss of its own, run at equal backbone."""
    still = "still image repeated" if labels.marked(row["baseline"], row["task"]) else ""
    as_is = AS_IS if row["stands_in"] else ""
    return ", ".join(part for part in (still, row["loss"], as_is) if part)


def _with_absent(frame: pd.DataFrame) -> pd.DataFrame:
    """Add an n/a row, with the reason, for each baseline of a suite that cannot serve a task."""
    absent = []
    for _, part in blocks(frame, ["suite", "machine"]):
        everyone = set(part["baseline"])
        for where, block in blocks(part, BLOCK):
            for baseline in everyone - set(block["baseline"]):
                reason = labels.why_not(baseline, where["task"], where["backbone"])
                if reason is not None:
                    row = {"baseline": baseline, "options": "", "engine": block["engine"].iloc[0]}
                    absent.append(where | row | {"status": "n/a", "note": reason})
    return pd.concat([frame, pd.DataFrame(absent)], ignore_index=True) if absent else frame


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by task and budget, the models in the registry's order, the controls last."""
    keys = [
        (
            row["suite"], row["machine"], labels.task_order(row["task"]), row["backbone"],
            row["data"], row["budget"], labels.order(row["baseline"]), row["options"],
            row["engine"],
        )
        for row in rows(frame)
    ]  # fmt: skip
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return frame.iloc[np.asarray(order, dtype=np.int64)].reset_index(drop=True)


def aggregated(results: Results, metrics: Iterable[str] | None = None) -> pd.DataFrame:
    """Long frame of selected results: CELL, metric, mean, std, n, unit; all metrics, or some.

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
    stale = results.records["status"] == "stale"
    shown = ~stale
    if stale.any():
        trained = results.runs["kind"] == "train"
        newer = results.runs.loc[trained & results.runs["status"].isin(["current", "failed"])]
        fresh = pd.MultiIndex.from_frame(newer[CELL]).unique()
        rows = pd.MultiIndex.from_frame(results.records.loc[stale, CELL])
        shown[stale] = ~rows.isin(fresh)
    return shown


def unfinished(records: Records) -> Table:
    """Failed (tuning too), stale, superseded and missing runs, findings, unusable files."""
    results = selected(records)
    listed = [
        _listed("unreadable", found.name.removesuffix(".json"), found.reason)
        for found in results.findings
    ]
    runs = results.runs.sort_values(["task", "backbone", "budget", "baseline", "seed", "run_id"])
    for run in rows(runs):
        said = [(run["status"], _why(run))] if run["status"] != "current" else []
        said += [("finding", finding) for finding in run["health"]]
        place = {key: run[key] for key in ("task", "backbone", "budget", "baseline")}
        place["seed"] = "" if pd.isna(run["seed"]) else str(run["seed"])
        listed += [_listed(what, run["run_id"], reason, **place) for what, reason in said]
    frame = pd.DataFrame(listed, columns=UNFINISHED)
    return Table(
        frame,
        "Not finished, not counted, or unhealthy",
        "unfinished",
        caption="A finding is a remark on a run that counts; everything else here is averaged "
        f"into no other table. {labels.caption(labels.describe(results))}",
    )


def _why(run: dict[str, Any]) -> str:
    """Why a run does not count."""
    if run["status"] == "failed":
        tuning = f"tuning, learning rate {run['rate']}: " if run["kind"] == "tune" else ""
        return tuning + (run["reason"] or NO_NUMBER)
    if run["status"] == "stale":
        return f"numerics version {run['numerics']} is not the current one"
    return WHY[run["status"]]


def _listed(what: str, run: str, reason: str, **place: str) -> dict[str, str]:
    return dict.fromkeys(UNFINISHED, "") | place | {"what": what, "run": run, "reason": reason}
