"""The comparison: one row per cell, its metrics side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from liafbench.bench.results import CELL, Results, blocks, names, rows, settle, widen
from liafbench.bench.results.budget import with_stand_ins
from liafbench.bench.results.settle import from_records
from liafbench.bench.results.source import describe
from liafbench.bench.tables import aggregate
from liafbench.bench.tables.columns import COST, ENERGY, MAIN, MAIN_ENERGY, place
from liafbench.bench.tables.counted import counted_samples
from liafbench.bench.tables.states import states

BLOCK = ["suite", "machine", "task", "backbone", "data", "budget"]
"""Rows that are compared with each other share these."""
KEYS = [*BLOCK, "baseline", "options", "engine"]
LEAD = [*KEYS, "role", "status", "seeds", "failed"]
NOTES = ["mark", "commit", "note"]
AS_IS = "as at equal backbone"
"""The mark of a network that is within the budget already and was not run again."""
INTERVAL = ("low", "high", "interval")

Records = pd.DataFrame | Results


def settled(records: Records) -> Results:
    """Settled results, from results as read, results settled before, or bare records."""
    if isinstance(records, pd.DataFrame):
        return from_records(records)
    return records if "fate" in records.runs else settle(records)


def comparison(records: Records) -> pd.DataFrame:
    """What each baseline gives and costs on each task: the metrics of MAIN, two energies.

    One row per cell: KEYS, role, status (done, incomplete, failed, stale, n/a), seeds that
    finished and failed, then per metric its mean, `<metric>_std` and `<metric>_n`.
    """
    return main_columns(everything(records))


def cost(records: Records) -> pd.DataFrame:
    """What a sample costs: sizes, operations by kind and every energy estimate."""
    return cost_columns(everything(records))


def main_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The comparison out of a frame of everything."""
    return _narrowed(frame, [*MAIN, *MAIN_ENERGY], "Comparison", "comparison")


def cost_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The cost out of a frame of everything."""
    energies = [metric for metric in metrics_of(frame) if metric.startswith(ENERGY)]
    return _narrowed(frame, [*COST, *energies], "Cost", "cost")


def metrics_of(frame: pd.DataFrame) -> list[str]:
    """The metrics of a comparison frame, in its order."""
    return [name for name in frame.columns if f"{name}_std" in frame.columns]


def columns_of(metrics: Sequence[str]) -> list[str]:
    """The columns that metrics take in a comparison frame."""
    columns: list[str] = []
    for metric in metrics:
        columns += [metric, f"{metric}_std", f"{metric}_n"]
        if metric == "test_accuracy":
            columns += [f"{metric}_{part}" for part in INTERVAL]
    return columns


def _narrowed(frame: pd.DataFrame, metrics: Sequence[str], title: str, label: str) -> pd.DataFrame:
    kept = [metric for metric in metrics_of(frame) if metric in metrics]
    narrow = frame[[*LEAD, *columns_of(kept), *NOTES]]
    narrow.attrs |= {"title": title, "label": label}
    return narrow


def everything(records: Records) -> pd.DataFrame:
    """Every metric there is, users' own too; accuracies of groups have a table of their own.

    Networks that are within the budget at equal backbone stand at equal budget too, marked.
    """
    results = with_stand_ins(settled(records))
    metrics = [metric for metric in results.records["metric"].unique() if "/" not in metric]
    long = aggregate.values(results, metrics)
    present = sorted(long["metric"].unique(), key=place)
    table = widen(long[[*CELL, "metric", "mean", "std", "n"]], CELL, "metric")
    frame = states(results).set_index(CELL).join(table, how="outer").reset_index()
    frame = _described(_with_absent(frame))
    columns = [*LEAD, *columns_of(present), *NOTES]
    frame = _sorted(frame).reindex(columns=columns)
    frame = frame.astype(dict.fromkeys([f"{metric}_n" for metric in present], "Int64"))
    units = dict(zip(long["metric"], long["unit"], strict=True))
    frame.attrs = {"units": units, "source": describe(results), "layout": "metrics"}
    frame.attrs |= {"title": "All metrics", "label": "metrics"}
    frame.attrs |= {"counted": counted_samples(results, BLOCK), "timed": _timed(results)}
    return frame


def _timed(results: Results) -> dict[tuple[str, ...], str]:
    """By block: on what batch and threads its speeds were measured."""
    runs = results.runs
    timed = runs[(runs["kind"] == "time") & (runs["fate"] == "current") & (runs["timing"] != "")]
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
    roles = [names.role(baseline) for baseline in frame["baseline"]]
    added = pd.DataFrame({"role": roles, "mark": [_mark(row) for row in rows(frame)]}, frame.index)
    frame = pd.concat([frame, added], axis=1)
    return frame.rename(columns={part: f"test_accuracy_{part}" for part in INTERVAL})


def _mark(row: dict[str, Any]) -> str:
    """What sets a row apart: nothing to integrate, a loss of its own, run at equal backbone."""
    still = "still image repeated" if names.marked(row["baseline"], row["task"]) else ""
    as_is = AS_IS if row["stands_in"] else ""
    return ", ".join(part for part in (still, row["loss"], as_is) if part)


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
