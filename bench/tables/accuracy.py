"""Accuracy as papers print it: tasks (or groups of samples) down, models across."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from liafbench.bench.results import CELL, Results, labels, rows, widen, within_budget
from liafbench.bench.tables.comparison import AS_IS, Records, aggregated, selected
from liafbench.bench.tables.row_status import row_status
from liafbench.bench.tables.table import MatrixTable

METRIC = "test_accuracy"
FAMILY_MEAN = "babi, mean of 20 tasks"
PLACE = ["suite", "machine", "backbone", "data", "budget", "task"]
PARTS = ("", "_std", "_n", "_failed", "_status", "_mark")


def accuracy(records: Records) -> MatrixTable:
    """Test accuracy [%]: a row per task and budget; per model mean, `_std`, `_n`, `_failed`.

    `_status` is that of the comparison, `_mark` says what stands as at equal backbone. Below the
    bAbI tasks stands their mean, taken per seed, for models with all twenty; it is done where all
    twenty are.
    """
    results = within_budget(selected(records))
    long = aggregated(with_family_mean(results), [METRIC]).set_index(CELL)
    cells = row_status(results)
    cells = pd.concat([cells, _family_status(cells)], ignore_index=True)
    # Outer: a model whose every seed failed or is missing stands in the table as such.
    cells = cells.set_index(CELL)[["status", "failed", "stands_in"]]
    long = long.join(cells, how="outer").reset_index()
    long = long[long["mean"].notna() | (long["task"] != FAMILY_MEAN)]
    nothing = {"failed": 0, "n": 0, "status": "done", "stands_in": False}
    return _matrix(long.fillna(nothing), results, "Test accuracy", "accuracy")


def _family_status(cells: pd.DataFrame) -> pd.DataFrame:
    """Status of each model's mean over bAbI: done where every task of it is."""
    blocks = cells[cells["task"].isin(labels.FAMILY_TASKS)]
    same = [key for key in CELL if key != "task"]
    blocks = blocks.assign(done=blocks["status"] == "done")
    found = blocks.groupby(same).agg(done=("done", "all"), stands_in=("stands_in", "all"))
    found = found.reset_index().assign(task=FAMILY_MEAN, failed=0)
    found["status"] = ["done" if done else "incomplete" for done in found["done"]]
    return found.drop(columns="done")


def groups(records: Records) -> MatrixTable | None:
    """The accuracy within each group of test samples, a row per group; None without groups."""
    results = within_budget(selected(records))
    metrics = [m for m in results.records["metric"].unique() if m.startswith(f"{METRIC}/")]
    if not metrics:
        return None
    long = aggregated(results, metrics)
    cells = row_status(results)[[*CELL, "status", "failed", "stands_in"]]
    long = long.merge(cells, on=CELL, how="left")
    long["task"] += ": " + long["metric"].str.removeprefix(f"{METRIC}/")
    return _matrix(long, results, "Test accuracy within groups", "groups")


def with_family_mean(results: Results) -> Results:
    """Add one record per model and seed that finished all twenty bAbI tasks: their mean.

    Stale runs are no part of a mean: old and new numbers would be mixed.
    """
    records = results.records
    current = records[(records["status"] == "current") & (records["metric"] == METRIC)]
    blocks = current[current["task"].isin(labels.FAMILY_TASKS)]
    same = [key for key in (*CELL, "seed", "metric", "status") if key != "task"]
    means = (
        blocks.sort_values("run_id")
        .groupby(same, dropna=False)
        .agg(value=("value", "mean"), tasks=("task", "nunique"), unit=("unit", "first"))
        .reset_index()
    )
    means = means[means["tasks"] == len(labels.FAMILY_TASKS)].drop(columns="tasks")
    if means.empty:
        return results
    means = means.assign(task=FAMILY_MEAN, run_id="mean", n=1, spread=float("nan"))
    return replace(results, records=pd.concat([records, means], ignore_index=True))


def _matrix(long: pd.DataFrame, results: Results, title: str, label: str) -> MatrixTable:
    """Rows in the tasks' order, models in the registry's."""
    long = long.assign(model=[_model(each) for each in rows(long)])
    long["mark"] = ["" if pd.isna(own) or not own else AS_IS for own in long["stands_in"]]
    models = sorted(long["model"].unique(), key=_model_order)
    columns = [model + part for model in models for part in PARTS]
    parts = ["mean", "std", "n", "failed", "status", "mark"]
    frame = widen(long[[*PLACE, "model", *parts]], PLACE, "model").reset_index()
    keys = [_row_order(row) for row in rows(frame)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    frame = frame[[*PLACE, *columns]].iloc[order].reset_index(drop=True)
    whole = [column for column in columns if column.endswith(("_n", "_failed"))]
    frame[whole] = frame[whole].fillna(0).astype("int64")
    text = [column for column in columns if column.endswith(("_status", "_mark"))]
    frame[text] = frame[text].fillna("")
    units = dict.fromkeys(models, "%")
    said = labels.caption(labels.describe(results))
    return MatrixTable(frame, title, label, units=units, caption=said, models=tuple(models))


def _model(each: dict[str, str]) -> str:
    """Baseline with whatever sets it apart from its namesakes."""
    engine = "" if each["engine"] in ("native", "") else each["engine"]
    apart = ", ".join(part for part in (each["options"], engine) if part)
    return f"{each['baseline']} ({apart})" if apart else each["baseline"]


def baseline_of(model: str) -> str:
    """The baseline in a model's name."""
    return model.split(" (")[0]


def _model_order(model: str) -> tuple[tuple[int, int, str], str]:
    return labels.order(baseline_of(model)), model


def _row_order(row: dict[str, Any]) -> tuple[object, ...]:
    task = "babi-qa21" if row["task"] == FAMILY_MEAN else str(row["task"])  # below the twenty
    first = (row["suite"], row["machine"], row["budget"])
    return (*first, labels.task_order(task), row["backbone"], row["data"])
