"""A printed table: heads with units, cells as text, the notes below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from liafbench.bench.results import names, rows
from liafbench.bench.tables import numbers
from liafbench.bench.tables.accuracy import FAMILY_MEAN, baseline_of

BEST, SECOND = 1, 2
NOTHING = "–"
DAGGER = "†"
SAID = ("stale", "mixed recipes")
"""States of a row that stand beside its numbers."""


@dataclass(frozen=True)
class Cell:
    """Text of one cell; `rank` 1 or 2 for the best two that compete; `cite` a reference's key."""

    text: str
    rank: int = 0
    cite: str = ""
    muted: bool = False


@dataclass
class Sheet:
    """One printed table; the first `text_columns` columns hold text, the others numbers."""

    title: str
    label: str
    heads: list[str]
    rows: list[list[Cell]]
    caption: str = ""
    notes: list[str] = field(default_factory=list)
    text_columns: int = 1


def ranks(
    values: Sequence[float], texts: Sequence[str], may: Sequence[bool], best: str
) -> list[int]:
    """1 for the best and 2 for the second of those that may compete; alike in print is alike.

    Nobody is marked where all are alike.
    """
    may = [allowed and not math.isnan(value) for allowed, value in zip(may, values, strict=True)]
    if sum(may) < 2:
        return [0] * len(values)
    sign = -1.0 if best == "high" else 1.0
    competing = [(sign * v, t) for v, t, allowed in zip(values, texts, may, strict=True) if allowed]
    distinct = list(dict.fromkeys(text for _, text in sorted(competing)))
    if len(distinct) == 1:
        return [0] * len(values)
    marks = {text: rank for rank, text in enumerate(distinct[:SECOND], start=BEST)}
    return [marks.get(text, 0) if allowed else 0 for text, allowed in zip(texts, may, strict=True)]


def seeds_said(counts: Sequence[tuple[int, int]]) -> tuple[list[str], str]:
    """Seeds (finished, failed) per cell: what stands in each cell, and what the caption says.

    Where every cell has the same number and none failed, the caption says it once.
    """
    if len(set(counts)) == 1 and not counts[0][1]:
        return [""] * len(counts), f"n = {counts[0][0]}"
    lost = (f", {failed} failed" if failed else "" for _, failed in counts)
    cells = [f" (n={n}{text})" for (n, _), text in zip(counts, lost, strict=True)]
    return cells, "n in brackets"


def matrix_sheet(frame: pd.DataFrame) -> Sheet:
    """Tasks down, models across; the best two of each row are marked, controls apart."""
    models = frame.attrs["models"]
    keys = [key for key in ("task", "backbone", "data", "budget") if frame[key].astype(bool).any()]
    table = rows(frame)
    known = [(row, model) for row in table for model in models if not math.isnan(row[model])]
    texts, n = seeds_said([(row[f"{m}_n"], row[f"{m}_failed"]) for row, m in known])
    seeds = {(id(row), m): text for (row, m), text in zip(known, texts, strict=True)}
    printed = []
    for row in table:
        marks = _matrix_ranks(row, models)
        cells = [
            _accuracy_cell(row, model, rank, seeds.get((id(row), model), ""))
            for model, rank in zip(models, marks, strict=True)
        ]
        printed.append([*(_key_cell(row, key) for key in keys), *cells])
    marked = any(row[f"{model}_mark"] for row, model in known)
    dagger = f" {DAGGER}: as at equal backbone, within the budget already." if marked else ""
    caption = (
        f"Mean ± standard deviation over seeds ({n}).{dagger} {frame.attrs.get('caption', '')}"
    )
    return Sheet(
        title=frame.attrs["title"],
        label=frame.attrs["label"],
        heads=[*keys, *(f"{model} [%]" for model in models)],
        rows=printed,
        caption=caption.strip(),
        text_columns=len(keys),
    )


def _matrix_ranks(row: dict[str, Any], models: Sequence[str]) -> list[int]:
    values = [float(row[model]) for model in models]
    may = [
        names.role(baseline_of(model)) != "control" and row[f"{model}_status"] == "done"
        for model in models
    ]
    return ranks(values, [numbers.number(value, "%") for value in values], may, "high")


def _key_cell(row: dict[str, Any], key: str) -> Cell:
    return Cell(str(row[key]), cite=names.citation(str(row[key])) if key == "task" else "")


def _accuracy_cell(row: dict[str, Any], model: str, rank: int, seeds: str) -> Cell:
    value, status = float(row[model]), row[f"{model}_status"]
    if not math.isnan(value):
        text = numbers.with_spread(value, float(row[f"{model}_std"]), "%")
        text += DAGGER if row[f"{model}_mark"] else ""
        return Cell((f"{text} ({status})" if status in SAID else text) + seeds, rank)
    if status:
        return Cell(status, muted=True)
    task = names.FAMILY_TASKS[0] if row["task"] == FAMILY_MEAN else row["task"]
    refused = names.why_not(baseline_of(model), task, row["backbone"])
    return Cell("n/a" if refused else NOTHING, muted=True)


def plain_sheet(frame: pd.DataFrame) -> Sheet:
    """Any other frame: text as it is, numbers to four digits, missing ones as a dash."""
    heads, units = frame.attrs.get("heads", {}), frame.attrs.get("units", {})
    numeric = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns]
    columns = [
        [_plain_cell(value, units.get(name, "")) for value in frame[name]] for name in frame.columns
    ]
    return Sheet(
        title=frame.attrs.get("title", ""),
        label=frame.attrs.get("label", ""),
        heads=[heads.get(name, str(name).replace("_", " ")) for name in frame.columns],
        rows=[list(row) for row in zip(*columns, strict=True)],
        caption=frame.attrs.get("caption", ""),
        notes=list(frame.attrs.get("notes", [])),
        text_columns=numeric.index(True) if True in numeric else len(numeric),
    )


def _plain_cell(value: Any, unit: str) -> Cell:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return Cell(NOTHING, muted=True)
    if isinstance(value, str):
        return Cell(value, muted=value in ("undecided", "n/a"))
    return Cell(numbers.number(float(value), unit))
