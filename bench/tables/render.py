"""One table, its renderings as text: CSV, Markdown, LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pandas as pd

from liafbench.baselines.errors import unknown
from liafbench.bench.tables.columns import NARROW
from liafbench.bench.tables.latex import latex
from liafbench.bench.tables.sheet import sheets
from liafbench.bench.tables.table import BEST, SECOND, MetricsTable, Sheet, Table, TableCell

FORMATS = ("csv", "md", "tex")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that a spreadsheet takes for a formula."""
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")


def render(table: Table, form: str, columns: Sequence[str] | None = None) -> str:
    """A table as "csv" (everything, full precision), "md" or "tex" (for people).

    `columns` chooses the metrics of a comparison; without it LaTeX shows what fits a page.
    Raises UsageError for a format or metric that is not there.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    if form == "csv":
        return csv_text(table)
    if form == "md":
        return markdown(sheets(table, columns))
    if table.narrow:
        table = table.with_frame(table.frame[list(table.narrow)])
    return latex(sheets(table, columns or narrow(table)))


def narrow(table: Table) -> list[str] | None:
    """The metrics that fit across a page; None for tables that are narrow already."""
    if not isinstance(table, MetricsTable) or table.label != "comparison":
        return None
    return [metric for metric in table.metrics if metric in NARROW]


def csv_text(table: Table) -> str:
    """The whole frame; floats in their shortest form that reads back to the same value."""
    safe = table.frame.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(harmless)
    safe.columns = pd.Index([harmless(_head(str(name), table.units)) for name in safe.columns])
    return safe.to_csv(index=False, lineterminator="\n")


def harmless(value: object) -> object:
    """Text that no spreadsheet runs: an apostrophe goes before what looks like a formula."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _head(name: str, units: dict[str, str]) -> str:
    """The column's name with the unit of its metric; counts of values have none."""
    for suffix in ("", "_std", "_low", "_high"):
        metric = name.removesuffix(suffix) if suffix else name
        if metric in units and metric + suffix == name:
            return f"{name} [{units[metric]}]"
    return name


def markdown(sheets: Iterable[Sheet]) -> str:
    """One section a sheet: title, table, notes, caption. Best in bold, second in italics."""
    return "\n".join(_section(sheet) for sheet in sheets)


def escape(text: str) -> str:
    """Text that Markdown and the HTML made of it show as it is, on one line."""
    one_line = " ".join(text.split())
    html = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", html)


def _section(sheet: Sheet) -> str:
    rule = [":--" if place < sheet.text_columns else "--:" for place in range(len(sheet.heads))]
    lines = [f"## {escape(sheet.title)}", "", _row(escape(head) for head in sheet.heads)]
    lines += [_row(rule), *(_row(_cell(cell) for cell in row) for row in sheet.rows)]
    if sheet.notes:
        lines += ["", *(f"- {escape(note)}" for note in sheet.notes)]
    if sheet.caption:
        lines += ["", escape(sheet.caption)]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: TableCell) -> str:
    text = escape(cell.text)
    marks = {BEST: "**", SECOND: "*"}.get(cell.rank, "")
    return f"{marks}{text}{marks}"
