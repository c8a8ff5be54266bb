"""The comparison as rows of plain values: what the table shows and the figures draw."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from liafbench.bench.report.models import key
from liafbench.bench.results import blocks, names, rows
from liafbench.bench.tables import numbers
from liafbench.bench.tables.cells import NOTHING, Cell, ranks
from liafbench.bench.tables.columns import FIXED, Column, column
from liafbench.bench.tables.comparison import BLOCK, main_columns, metrics_of
from liafbench.bench.tables.counted import said
from liafbench.bench.tables.sheet import heading


def table_metrics(frame: pd.DataFrame) -> list[str]:
    """The metrics of the page's table: those of the comparison, and everybody's own."""
    chosen = metrics_of(main_columns(frame))
    return chosen + [each for each in metrics_of(frame) if ":" in each and each not in chosen]


def conditions(frame: pd.DataFrame) -> dict[str, str]:
    """By block, in words: on what its speeds were measured, and on what samples it was counted."""
    metrics = table_metrics(frame)
    found = {}
    for place, _ in blocks(frame, BLOCK, sort=False):
        where = tuple(place.values())
        timed = frame.attrs["timed"].get(where)
        samples = frame.attrs["counted"].get(where, {})
        counts = said(each for metric, each in samples.items() if metric in metrics)
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


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for the figures: where they belong, and `metric: [mean, std, n]` of what there is."""
    metrics = metrics_of(frame)
    found = []
    for row in rows(frame):
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


def table_cells(frame: pd.DataFrame, metrics: list[str]) -> list[list[tuple[Cell, float | None]]]:
    """Text and sort value of every metric of every row; the best two of a block are marked."""
    units = frame.attrs.get("units", {})
    columns = [column(metric, units.get(metric, "")) for metric in metrics]
    marks = {each.metric: _marks(frame, each) for each in columns}
    return [
        [
            (_cell(row, each, units.get(each.metric, each.unit), marks[each.metric][place]), value)
            for each in columns
            for value in [finite(row[each.metric])]
        ]
        for place, row in enumerate(rows(frame))
    ]


def _cell(row: dict[str, Any], metric: Column, unit: str, rank: int) -> Cell:
    value = finite(row[metric.metric])
    if value is None:
        absent = row["status"] if row["status"] in ("n/a", "failed") else NOTHING
        return Cell(absent, muted=True)
    power, prefix = numbers.scale([value]) if metric.scales else (1.0, "")
    spread = finite(row[f"{metric.metric}_std"])
    if spread is None or metric.spread == FIXED:
        text = numbers.number(value / power, unit)
    else:
        text = numbers.with_spread(value / power, spread / power, unit)
    return Cell(f"{text} {prefix}".strip(), rank)


def _marks(frame: pd.DataFrame, metric: Column) -> list[int]:
    """Best and second of each block among the rows that compete: finished, and no controls."""
    marks = [0] * len(frame)
    if metric.best is None:
        return marks
    places: dict[str, list[int]] = {}
    table = rows(frame)
    for place, row in enumerate(table):
        places.setdefault(block_key(row), []).append(place)
    for together in places.values():
        part = [table[place] for place in together]
        values = [float(row[metric.metric]) for row in part]
        may = [row["role"] != "control" and row["status"] in ("done", "timed only") for row in part]
        texts = [f"{value:.4g}" for value in values]
        for place, rank in zip(together, ranks(values, texts, may, metric.best), strict=True):
            marks[place] = rank
    return marks


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
    return [names.title(row["baseline"]) for row in rows(frame)]
