"""The comparison as rows of plain values: what the table shows and the figures draw."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd

from liafbench.bench.report.models import key
from liafbench.bench.results import blocks, labels, rows
from liafbench.bench.tables.columns import column
from liafbench.bench.tables.comparison import BLOCK, main_columns
from liafbench.bench.tables.row_status import samples_said
from liafbench.bench.tables.sheet import heading, metric_cells
from liafbench.bench.tables.table import MetricsTable, TableCell


def table_metrics(table: MetricsTable) -> list[str]:
    """The metrics of the page's table: those of the comparison, and everybody's own."""
    chosen = main_columns(table).metrics
    return chosen + [each for each in table.metrics if ":" in each and each not in chosen]


def conditions(table: MetricsTable) -> dict[str, str]:
    """By block, in words: on what its speeds were measured, and on what samples it was counted."""
    metrics = table_metrics(table)
    found = {}
    for place, _ in blocks(table.frame, BLOCK, sort=False):
        where = tuple(place.values())
        timed = table.timed.get(where)
        samples = table.sampled.get(where, {})
        counts = samples_said(each for metric, each in samples.items() if metric in metrics)
        parts = (f"speed and memory: {timed}" if timed else "", counts)
        if any(parts):
            found[block_key(place)] = "; ".join(part for part in parts if part)
    return found


def block_key(row: dict[str, Any]) -> str:
    """What rows that are compared with each other share."""
    return "|".join(str(row[part]) for part in BLOCK)


def block_labels(frame: pd.DataFrame) -> dict[str, str]:
    """The blocks of a frame in its order, in words; suite and machine where they differ."""
    several = frame["suite"].nunique() > 1 or frame["machine"].nunique() > 1
    labels = {}
    for place, _ in blocks(frame, BLOCK, sort=False):
        where = f" · {place['suite']} on {place['machine']}" if several else ""
        labels[block_key(place)] = heading(place) + where
    return labels


def plain_rows(table: MetricsTable) -> list[dict[str, Any]]:
    """Rows for the figures: where they belong, and `metric: [mean, std, n]` of what there is."""
    metrics = table.metrics
    found = []
    for row in rows(table.frame):
        values = {
            metric: [row[metric], finite(row[f"{metric}_std"]), int(row[f"{metric}_n"])]
            for metric in metrics
            if finite(row[metric]) is not None
        }
        found.append(
            {
                "block": block_key(row),
                "model": key(row),
                "role": row["role"],
                "status": row["status"],
                "values": values,
                "low": finite(row.get("test_accuracy_low")),
                "high": finite(row.get("test_accuracy_high")),
            }
        )
    return found


def finite(value: Any) -> float | None:
    """A number JSON can hold, None for nan, NA and infinities."""
    if value is None or pd.isna(value) or not math.isfinite(value):
        return None
    return float(value)


def table_cells(
    table: MetricsTable, metrics: list[str]
) -> list[list[tuple[TableCell, float | None]]]:
    """Text and sort value of every metric of every row, as the tables print and mark them."""
    columns = [column(metric, table.units.get(metric, "")) for metric in metrics]
    listed = rows(table.frame)
    places: dict[str, list[int]] = {}
    for place, row in enumerate(listed):
        places.setdefault(block_key(row), []).append(place)
    printed: list[list[tuple[TableCell, float | None]]] = [[] for _ in listed]
    for together in places.values():
        block = [listed[place] for place in together]
        for each in columns:
            unit = table.units.get(each.metric, each.unit)
            prefix, cells = metric_cells(each, block, unit)
            for place, row, cell in zip(together, block, cells, strict=True):
                value = finite(row[each.metric])
                text = cell.text if value is None else f"{cell.text} {prefix}".strip()
                printed[place].append((replace(cell, text=text), value))
    return printed


def models_in_words(frame: pd.DataFrame) -> list[str]:
    """The remark beside each model's name: control, failed seeds, repeated image."""
    remarks = []
    for row in rows(frame):
        parts = [
            row["role"] if row["role"] != "baseline" else "",
            row["mark"],
            "" if row["status"] in ("done", "n/a") else row["status"],
            f"{row['failed']} failed" if row["failed"] else "",
        ]
        remarks.append(", ".join(part for part in parts if part))
    return remarks


def titles(frame: pd.DataFrame) -> list[str]:
    """The models' names in prose."""
    return [labels.title(row["baseline"]) for row in rows(frame)]
