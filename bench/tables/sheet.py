"""Comparison frames as people read them: one printed table a task, units in the heads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from liafbench.bench.results import names, rows
from liafbench.bench.results.source import caption
from liafbench.bench.tables import counted, numbers
from liafbench.bench.tables.cells import (
    NOTHING,
    SAID,
    Cell,
    Sheet,
    matrix_sheet,
    plain_sheet,
    ranks,
    seeds_said,
)
from liafbench.bench.tables.columns import FIXED, Column, column
from liafbench.bench.tables.comparison import AS_IS, BLOCK, metrics_of

NAMED = ("task", "backbone", "budget")
Row = dict[str, Any]


def sheets(frame: pd.DataFrame, metrics: Sequence[str] | None = None) -> list[Sheet]:
    """The printed tables of a frame: one a block for metrics, one in all for anything else."""
    if frame.attrs.get("layout") == "matrix":
        return [matrix_sheet(frame)]
    if frame.attrs.get("layout") != "metrics":
        return [plain_sheet(frame)]
    chosen = [m for m in metrics_of(frame) if metrics is None or m in metrics]
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows(frame):
        found.setdefault(tuple(row[key] for key in BLOCK), []).append(row)
    return [_metrics_sheet(block, chosen, frame.attrs) for block in found.values()]


def heading(block: Row) -> str:
    """A block in words: task, data options, backbone, budget."""
    data = f" ({block['data']})" if block["data"] else ""
    return f"{block['task']}{data}, backbone {block['backbone']}, {block['budget']}"


def _metrics_sheet(block: list[Row], metrics: list[str], attrs: Mapping[Any, Any]) -> Sheet:
    units = attrs.get("units", {})
    filled = [metric for metric in metrics if not all(math.isnan(row[metric]) for row in block)]
    columns = [column(metric, units.get(metric, "")) for metric in filled]
    heads, cells = ["baseline"], [_name_cells(block)]
    for each in columns:
        head, body = _metric_cells(each, block, units.get(each.metric, each.unit))
        heads.append(head)
        cells.append(body)
    label = "-".join(part for part in (attrs["label"], *(block[0][key] for key in NAMED)) if part)
    return Sheet(
        title=f"{attrs['title']}: {heading(block[0])}",
        label=label,
        heads=heads,
        rows=[list(row) for row in zip(*cells, strict=True)],
        caption=_caption(block, columns, attrs),
        notes=list(_notes(block)),
    )


def _name_cells(block: list[Row]) -> list[Cell]:
    engines = {row["engine"] for row in block} - {"native", ""}
    cells = []
    for row in block:
        text = names.title(row["baseline"])
        control = "control" if row["role"] == "control" else ""
        for part in (row["options"], row["engine"] if engines else "", control, row["mark"]):
            text += f" ({part})" if part else ""
        cells.append(Cell(text, cite=names.citation(row["baseline"])))
    return cells


def _metric_cells(metric: Column, block: list[Row], unit: str) -> tuple[str, list[Cell]]:
    """Head and cells of one metric; the best two of the rows that may be ranked are marked."""
    values = [float(value) for value in (row[metric.metric] for row in block)]
    power, prefix = numbers.scale(values) if metric.scales else (1.0, "")
    seeds = _seeds(block)[0] if metric.metric == "test_accuracy" else [""] * len(block)
    texts = [
        _cell_text(metric, row, value / power, power, unit) + text
        for row, value, text in zip(block, values, seeds, strict=True)
    ]
    means = [numbers.number(value / power, unit) for value in values]
    marks = [0] * len(values)
    if metric.best is not None:
        marks = ranks(values, means, _may_compete(block), metric.best)
    head = f"{metric.title} [{numbers.unit_text(unit, prefix)}]".removesuffix(" []")
    return head, [
        Cell(text, rank, muted=math.isnan(value))
        for text, rank, value in zip(texts, marks, values, strict=True)
    ]


def _seeds(block: list[Row]) -> tuple[list[str], str]:
    """What stands behind each accuracy, and what the caption says of it."""
    known = [place for place, row in enumerate(block) if not math.isnan(row["test_accuracy"])]
    counts = [(int(block[p]["test_accuracy_n"]), block[p]["failed"]) for p in known]
    texts, said = seeds_said(counts) if counts else ([], "")
    by_place = dict(zip(known, texts, strict=True))
    return [by_place.get(place, "") for place in range(len(block))], said


def _cell_text(metric: Column, row: Row, value: float, power: float, unit: str) -> str:
    if math.isnan(value):
        return row["status"] if row["status"] in ("n/a", "failed", "missing") else NOTHING
    spread = float(row[f"{metric.metric}_std"]) / power if metric.spread != FIXED else math.nan
    text = numbers.with_spread(value, spread, unit)
    return f"{text} ({row['status']})" if row["status"] in SAID else text


def _may_compete(block: list[Row]) -> list[bool]:
    """Controls take no rank, nor do rows that are stale, incomplete or of mixed recipes."""
    return [row["role"] != "control" and row["status"] in ("done", "timed only") for row in block]


def _notes(block: list[Row]) -> Iterator[str]:
    for row in block:
        if row["note"]:
            kind = "n/a, " if row["status"] == "n/a" else ""
            yield f"{names.title(row['baseline'])}: {kind}{row['note']}"


def _caption(block: list[Row], columns: Sequence[Column], attrs: Mapping[Any, Any]) -> str:
    spreads = {each.spread for each in columns}
    accuracy = any(each.metric == "test_accuracy" for each in columns)
    n = f" ({_seeds(block)[1]})" if accuracy else ""
    said = [f"± is the standard deviation over seeds{n}" if "seeds" in spreads else ""]
    place = tuple(block[0][key] for key in BLOCK)
    if "rounds" in spreads:
        where = attrs.get("timed", {}).get(place)
        of = f" ({where})" if where else ""
        said.append(f"for speed and memory half the interquartile range over timing rounds{of}")
    if any(row["role"] == "control" for row in block):
        said.append("controls are not ranked")
    if any(AS_IS in row["mark"] for row in block):
        said.append(f"rows marked '{AS_IS}' are within the budget already, and timed there")
    if any(row["mark"].startswith("still") for row in block):
        said.append("rows marked as repeated still images do not judge anybody's cost")
    samples = attrs.get("counted", {}).get(place, {})
    said.append(counted.said(samples[each.metric] for each in columns if each.metric in samples))
    text = "; ".join(part for part in said if part)
    return f"{text}. {caption(attrs.get('source', {}))}".strip()
