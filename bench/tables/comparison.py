"""The comparison: one row per cell, its metrics side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.results import CELL, Results, blocks, names, rows, settle, widen
from bench.results.settle import from_records
from bench.results.source import describe
from bench.tables import aggregate
from bench.tables.columns import COST, ENERGY, MAIN, place

BLOCK = ["suite", "machine", "task", "backbone", "data", "budget"]
"""Rows that are compared with each other share these."""
KEYS = [*BLOCK, "baseline", "options", "engine"]
LEAD = [*KEYS, "role", "status", "seeds", "failed"]
NOTES = ["mark", "note"]

Records = pd.DataFrame | Results


def settled(records: Records) -> Results:
    """Settled results, from results as read, results settled before, or bare records."""
    if isinstance(records, pd.DataFrame):
        return from_records(records)
    return records if "fate" in records.runs else settle(records)


def comparison(records: Records) -> pd.DataFrame:
    """What each baseline gives and costs on each task; columns MAIN and one energy estimate.

    One row per cell: KEYS, role, status (done, incomplete, failed, stale, n/a), seeds that
    finished and failed, then per metric its mean, `<metric>_std` and `<metric>_n`.
    """
    results = settled(records)
    energies = sorted({m for m in results.records["metric"].unique() if m.startswith(ENERGY)})
    frame = _wide(results, [*MAIN, *energies[:1]])
    frame.attrs |= {"title": "Comparison", "label": "comparison", "layout": "metrics"}
    return frame


def cost(records: Records) -> pd.DataFrame:
    """What a sample costs: sizes, operations by kind and every energy estimate."""
    results = settled(records)
    energies = sorted({m for m in results.records["metric"].unique() if m.startswith(ENERGY)})
    frame = _wide(results, [*COST, *energies])
    frame.attrs |= {"title": "Cost", "label": "cost", "layout": "metrics"}
    return frame


def everything(records: Records) -> pd.DataFrame:
    """Every metric there is, users' own too; accuracies of groups have a table of their own."""
    results = settled(records)
    metrics = [m for m in results.records["metric"].unique() if "/" not in m]
    frame = _wide(results, metrics)
    frame.attrs |= {"title": "All metrics", "label": "metrics", "layout": "metrics"}
    return frame


def _wide(results: Results, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per cell, three columns per metric that anybody measured."""
    long = aggregate.values(results)
    long = long[long["metric"].isin(metrics)]
    present = sorted(long["metric"].unique(), key=place)
    table = widen(long[[*CELL, "metric", "mean", "std", "n"]], CELL, "metric")
    states = aggregate.states(results).set_index(CELL)
    frame = states.join(table, how="outer").reset_index()
    frame = _with_absent(frame)
    frame["status"] = frame["status"].fillna("timed only")
    frame["role"] = [names.role(baseline) for baseline in frame["baseline"]]
    frame["loss"] = frame["loss"].fillna("")
    frame["mark"] = [_mark(row) for row in rows(frame)]
    for column in ("note", "interval", "mark"):
        frame[column] = frame[column].fillna("")
    for column in ("seeds", "failed"):
        frame[column] = frame[column].fillna(0).astype("int64")
    frame = frame.rename(columns={part: f"test_accuracy_{part}" for part in INTERVAL})
    columns = [*LEAD, *_metric_columns(present), *NOTES]
    frame = _sorted(frame).reindex(columns=columns)
    frame = frame.astype(dict.fromkeys([f"{metric}_n" for metric in present], "Int64"))
    frame.attrs["units"] = dict(zip(long["metric"], long["unit"], strict=True))
    frame.attrs["source"] = describe(results)
    return frame


INTERVAL = ("low", "high", "interval")


def _metric_columns(present: Sequence[str]) -> list[str]:
    columns: list[str] = []
    for metric in present:
        columns += [metric, f"{metric}_std", f"{metric}_n"]
        if metric == "test_accuracy":
            columns += [f"{metric}_{part}" for part in INTERVAL]
    return columns


def _mark(row: dict[str, Any]) -> str:
    """What sets a row apart: nothing to integrate, or a loss of its own."""
    still = "still image repeated" if names.marked(row["baseline"], row["task"]) else ""
    return ", ".join(part for part in (still, row["loss"]) if part)


def _with_absent(frame: pd.DataFrame) -> pd.DataFrame:
    """Add an n/a row, with the reason, for each baseline of a suite that cannot serve a task."""
    absent = []
    for _, part in blocks(frame, ["suite", "machine"]):
        everyone = set(part["baseline"])
        for where, block in blocks(part, BLOCK):
            for baseline in everyone - set(block["baseline"]):
                reason = names.why_not(baseline, where["task"], where["backbone"])
                if reason is not None:
                    row = {"baseline": baseline, "options": "", "engine": block["engine"].iloc[0]}
                    absent.append(where | row | {"status": "n/a", "note": reason})
    return pd.concat([frame, pd.DataFrame(absent)], ignore_index=True) if absent else frame


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by task and budget, the models in the registry's order, the controls last."""
    keys = [
        (
            row["suite"], row["machine"], names.task_order(row["task"]), row["backbone"],
            row["data"], row["budget"], names.order(row["baseline"]), row["options"], row["engine"],
        )
        for row in rows(frame)
    ]  # fmt: skip
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return frame.iloc[np.asarray(order, dtype=np.int64)].reset_index(drop=True)
