"""Tables as people read them: one printed sheet a block, units in the heads, notes below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from liafbench.bench.results import labels, rows
from liafbench.bench.tables.accuracy import FAMILY_MEAN, baseline_of
from liafbench.bench.tables.columns import (
    FIXED,
    Column,
    column,
    number,
    scale,
    unit_text,
    with_spread,
)
from liafbench.bench.tables.comparison import AS_IS, BLOCK
from liafbench.bench.tables.row_status import samples_said
from liafbench.bench.tables.table import MatrixTable, MetricsTable, Sheet, Table, TableCell, ranks

NAMED = ("task", "backbone", "budget")
NOTHING = "–"
DAGGER = "†"
SAID = ("stale", "mixed recipes")
"""States of a row that stand beside its numbers."""
Row = dict[str, Any]


def sheets(table: Table, metrics: Sequence[str] | None = None) -> list[Sheet]:
    """The printed sheets of a table: one a block for metrics, one in all for anything else."""
    if isinstance(table, MatrixTable):
        return [_matrix_sheet(table)]
    if not isinstance(table, MetricsTable):
        return [_plain_sheet(table)]
    chosen = [m for m in table.metrics if metrics is None or m in metrics]
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows(table.frame):
        found.setdefault(tuple(row[key] for key in BLOCK), []).append(row)
    return [_metrics_sheet(block, chosen, table) for block in found.values()]


def heading(block: Row) -> str:
    """A block in words: task, data options, backbone, budget."""
    data = f" ({block['data']})" if block["data"] else ""
    return f"{block['task']}{data}, backbone {block['backbone']}, {block['budget']}"


def _metrics_sheet(block: list[Row], metrics: list[str], table: MetricsTable) -> Sheet:
    units = table.units
    filled = [metric for metric in metrics if not all(math.isnan(row[metric]) for row in block)]
    columns = [column(metric, units.get(metric, "")) for metric in filled]
    heads, cells = ["baseline"], [_name_cells(block)]
    for each in columns:
        unit = units.get(each.metric, each.unit)
        prefix, body = metric_cells(each, block, unit)
        heads.append(f"{each.title} [{unit_text(unit, prefix)}]".removesuffix(" []"))
        cells.append(body)
    label = "-".join(part for part in (table.label, *(block[0][key] for key in NAMED)) if part)
    return Sheet(
        title=f"{table.title}: {heading(block[0])}",
        label=label,
        heads=heads,
        rows=[list(row) for row in zip(*cells, strict=True)],
        caption=_caption(block, columns, table),
        notes=list(_notes(block)),
    )


def _name_cells(block: list[Row]) -> list[TableCell]:
    engines = {row["engine"] for row in block} - {"native", ""}
    cells = []
    for row in block:
        text = labels.title(row["baseline"])
        control = "control" if row["role"] == "control" else ""
        for part in (row["options"], row["engine"] if engines else "", control, row["mark"]):
            text += f" ({part})" if part else ""
        cells.append(TableCell(text, cite=labels.citation(row["baseline"])))
    return cells


def metric_cells(metric: Column, block: list[Row], unit: str) -> tuple[str, list[TableCell]]:
    """Prefix of the unit and cells of one metric of a block's rows.

    The best two of the rows that may be ranked are marked.
    """
    values = [float(value) for value in (row[metric.metric] for row in block)]
    power, prefix = scale(values) if metric.scales else (1.0, "")
    seeds = _seeds(block)[0] if metric.metric == "test_accuracy" else [""] * len(block)
    texts = [
        _cell_text(metric, row, value / power, power, unit) + text
        for row, value, text in zip(block, values, seeds, strict=True)
    ]
    means = [number(value / power, unit) for value in values]
    marks = [0] * len(values)
    if metric.best is not None:
        marks = ranks(values, means, _may_compete(block), metric.best)
    return prefix, [
        TableCell(text, rank, muted=math.isnan(value))
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
    text = with_spread(value, spread, unit)
    return f"{text} ({row['status']})" if row["status"] in SAID else text


def _may_compete(block: list[Row]) -> list[bool]:
    """Controls take no rank, nor do rows that are stale, incomplete or of mixed recipes."""
    return [row["role"] != "control" and row["status"] in ("done", "timed only") for row in block]


def _notes(block: list[Row]) -> Iterator[str]:
    for row in block:
        if row["note"]:
            kind = "n/a, " if row["status"] == "n/a" else ""
            yield f"{labels.title(row['baseline'])}: {kind}{row['note']}"


def _caption(block: list[Row], columns: Sequence[Column], table: MetricsTable) -> str:
    spreads = {each.spread for each in columns}
    accuracy = any(each.metric == "test_accuracy" for each in columns)
    n = f" ({_seeds(block)[1]})" if accuracy else ""
    said = [f"± is the standard deviation over seeds{n}" if "seeds" in spreads else ""]
    place = tuple(block[0][key] for key in BLOCK)
    if "rounds" in spreads:
        where = table.timed.get(place)
        of = f" ({where})" if where else ""
        said.append(f"for speed and memory half the interquartile range over timing rounds{of}")
    if any(row["role"] == "control" for row in block):
        said.append("controls are not ranked")
    if any(AS_IS in row["mark"] for row in block):
        said.append(f"rows marked '{AS_IS}' are within the budget already, and timed there")
    if any(row["mark"].startswith("still") for row in block):
        said.append("rows marked as repeated still images do not judge anybody's cost")
    samples = table.sampled.get(place, {})
    said.append(samples_said(samples[each.metric] for each in columns if each.metric in samples))
    text = "; ".join(part for part in said if part)
    return f"{text}. {labels.caption(table.source)}".strip()


def seeds_said(counts: Sequence[tuple[int, int]]) -> tuple[list[str], str]:
    """Seeds (finished, failed) per cell: what stands in each cell, and what the caption says.

    Where every cell has the same number and none failed, the caption says it once.
    """
    if len(set(counts)) == 1 and not counts[0][1]:
        return [""] * len(counts), f"n = {counts[0][0]}"
    lost = (f", {failed} failed" if failed else "" for _, failed in counts)
    cells = [f" (n={n}{text})" for (n, _), text in zip(counts, lost, strict=True)]
    return cells, "n in brackets"


def _matrix_sheet(table: MatrixTable) -> Sheet:
    """Tasks down, models across; the best two of each row are marked, controls apart."""
    models, frame = table.models, table.frame
    keys = [key for key in ("task", "backbone", "data", "budget") if frame[key].astype(bool).any()]
    listed = rows(frame)
    known = [(row, model) for row in listed for model in models if not math.isnan(row[model])]
    texts, n = seeds_said([(row[f"{m}_n"], row[f"{m}_failed"]) for row, m in known])
    seeds = {(id(row), m): text for (row, m), text in zip(known, texts, strict=True)}
    printed = []
    for row in listed:
        marks = _matrix_ranks(row, models)
        cells = [
            _accuracy_cell(row, model, rank, seeds.get((id(row), model), ""))
            for model, rank in zip(models, marks, strict=True)
        ]
        printed.append([*(_key_cell(row, key) for key in keys), *cells])
    marked = any(row[f"{model}_mark"] for row, model in known)
    dagger = f" {DAGGER}: as at equal backbone, within the budget already." if marked else ""
    caption = f"Mean ± standard deviation over seeds ({n}).{dagger} {table.caption}"
    return Sheet(
        title=table.title,
        label=table.label,
        heads=[*keys, *(f"{model} [%]" for model in models)],
        rows=printed,
        caption=caption.strip(),
        text_columns=len(keys),
    )


def _matrix_ranks(row: dict[str, Any], models: Sequence[str]) -> list[int]:
    values = [float(row[model]) for model in models]
    may = [
        labels.role(baseline_of(model)) != "control" and row[f"{model}_status"] == "done"
        for model in models
    ]
    return ranks(values, [number(value, "%") for value in values], may, "high")


def _key_cell(row: dict[str, Any], key: str) -> TableCell:
    return TableCell(str(row[key]), cite=labels.citation(str(row[key])) if key == "task" else "")


def _accuracy_cell(row: dict[str, Any], model: str, rank: int, seeds: str) -> TableCell:
    value, status = float(row[model]), row[f"{model}_status"]
    if not math.isnan(value):
        text = with_spread(value, float(row[f"{model}_std"]), "%")
        text += DAGGER if row[f"{model}_mark"] else ""
        return TableCell((f"{text} ({status})" if status in SAID else text) + seeds, rank)
    if status:
        return TableCell(status, muted=True)
    task = labels.FAMILY_TASKS[0] if row["task"] == FAMILY_MEAN else row["task"]
    refused = labels.why_not(baseline_of(model), task, row["backbone"])
    return TableCell("n/a" if refused else NOTHING, muted=True)


def _plain_sheet(table: Table) -> Sheet:
    """Any other table: text as it is, numbers to four digits, missing ones as a dash."""
    frame, heads, units = table.frame, table.heads, table.units
    numeric = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns]
    columns = [
        [_plain_cell(value, units.get(name, "")) for value in frame[name]] for name in frame.columns
    ]
    return Sheet(
        title=table.title,
        label=table.label,
        heads=[heads.get(name, str(name).replace("_", " ")) for name in frame.columns],
        rows=[list(row) for row in zip(*columns, strict=True)],
        caption=table.caption,
        text_columns=numeric.index(True) if True in numeric else len(numeric),
    )


def _plain_cell(value: Any, unit: str) -> TableCell:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return TableCell(NOTHING, muted=True)
    if isinstance(value, str):
        return TableCell(value, muted=value in ("undecided", "n/a"))
    return TableCell(number(float(value), unit))
