"""Comparison frames as people read them: one printed table a task, units in the heads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from bench.results import blocks, names
from bench.results import rows as as_rows
from bench.results.source import caption
from bench.tables import numbers
from bench.tables.cells import NOTHING, Cell, Sheet, matrix_sheet, plain_sheet, ranks
from bench.tables.columns import FIXED, Column, column
from bench.tables.comparison import BLOCK


def sheets(frame: pd.DataFrame, metrics: Sequence[str] | None = None) -> list[Sheet]:
    """The printed tables of a frame: one a block for metrics, one in all for anything else."""
    if frame.attrs.get("layout") == "matrix":
        return [matrix_sheet(frame)]
    if frame.attrs.get("layout") != "metrics":
        return [plain_sheet(frame)]
    chosen = [m for m in shown_metrics(frame) if metrics is None or m in metrics]
    attrs = {str(name): value for name, value in frame.attrs.items()}
    return [
        _metrics_sheet(place, block, chosen, attrs)
        for place, block in blocks(frame, BLOCK, sort=False)
    ]


def shown_metrics(frame: pd.DataFrame) -> list[str]:
    """The metrics of a comparison frame, in its order."""
    return [name for name in frame.columns if f"{name}_std" in frame.columns]


def heading(block: dict[str, str]) -> str:
    """A block in words: task, data options, backbone, budget."""
    data = f" ({block['data']})" if block["data"] else ""
    return f"{block['task']}{data}, backbone {block['backbone']}, {block['budget']}"


def _metrics_sheet(
    block: dict[str, str], rows: pd.DataFrame, metrics: list[str], attrs: dict[str, Any]
) -> Sheet:
    units = attrs.get("units", {})
    filled = [metric for metric in metrics if rows[metric].notna().any()]
    columns = [column(metric, units.get(metric, "")) for metric in filled]
    heads, cells = ["baseline"], [_name_cells(rows)]
    for each in columns:
        head, body = _metric_cells(each, rows, units.get(each.metric, each.unit))
        heads.append(head)
        cells.append(body)
    label = "-".join(
        part for part in (attrs["label"], block["task"], block["backbone"], block["budget"]) if part
    )
    return Sheet(
        title=f"{attrs['title']}: {heading(block)}",
        label=label,
        heads=heads,
        rows=[list(row) for row in zip(*cells, strict=True)],
        caption=_caption(rows, columns, attrs),
        notes=list(_notes(rows)),
    )


def _name_cells(rows: pd.DataFrame) -> list[Cell]:
    engines = rows["engine"].nunique() > 1 or set(rows["engine"]) - {"native", ""}
    cells = []
    for row in as_rows(rows):
        text = names.title(row["baseline"])
        control = "control" if row["role"] == "control" else ""
        for part in (row["options"], row["engine"] if engines else "", control, row["mark"]):
            text += f" ({part})" if part else ""
        cells.append(Cell(text, cite=names.citation(row["baseline"])))
    return cells


def _metric_cells(metric: Column, rows: pd.DataFrame, unit: str) -> tuple[str, list[Cell]]:
    """Head and cells of one metric; the best two of the rows that may be ranked are marked."""
    values = [float(value) for value in rows[metric.metric]]
    power, prefix = numbers.scale(values) if metric.scales else (1.0, "")
    texts = [
        _cell_text(metric, row, value / power, power, unit)
        for row, value in zip(as_rows(rows), values, strict=True)
    ]
    means = [numbers.number(value / power, unit) for value in values]
    marks = [0] * len(values)
    if metric.best is not None:
        marks = ranks(values, means, _may_compete(rows), metric.best)
    head = f"{metric.title} [{numbers.unit_text(unit, prefix)}]".removesuffix(" []")
    return head, [
        Cell(text, rank, muted=math.isnan(value))
        for text, rank, value in zip(texts, marks, values, strict=True)
    ]


def _cell_text(metric: Column, row: dict[str, Any], value: float, power: float, unit: str) -> str:
    if math.isnan(value):
        return row["status"] if row["status"] in ("n/a", "failed") else NOTHING
    spread = float(row[f"{metric.metric}_std"]) / power if metric.spread != FIXED else math.nan
    text = numbers.with_spread(value, spread, unit)
    if metric.metric == "test_accuracy":
        failed = f", {row['failed']} failed" if row["failed"] else ""
        text += f" (n={int(row['test_accuracy_n'])}{failed})"
    return f"{text} (stale)" if row["status"] == "stale" else text


def _may_compete(rows: pd.DataFrame) -> list[bool]:
    """Controls, and rows that are stale or have failed seeds, take no rank."""
    return [
        role != "control" and status in ("done", "timed only")
        for role, status in zip(rows["role"], rows["status"], strict=True)
    ]


def _notes(rows: pd.DataFrame) -> Iterator[str]:
    for row in as_rows(rows):
        if row["note"]:
            kind = "n/a, " if row["status"] == "n/a" else ""
            yield f"{names.title(row['baseline'])}: {kind}{row['note']}"


def _caption(rows: pd.DataFrame, columns: Iterable[Column], attrs: dict[str, Any]) -> str:
    spreads = {each.spread for each in columns}
    said = ["± is the standard deviation over seeds (n of them)" if "seeds" in spreads else ""]
    if "rounds" in spreads:
        said.append("for speed and memory half the interquartile range over timing rounds")
    if (rows["role"] == "control").any():
        said.append("controls are not ranked")
    if rows["mark"].str.startswith("still").any():
        said.append("rows marked as repeated still images do not judge anybody's cost")
    text = "; ".join(part for part in said if part)
    return f"{text}. {caption(attrs.get('source', {}))}".strip()
