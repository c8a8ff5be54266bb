"""Sheets as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from liafbench.bench.tables.cells import BEST, SECOND, Cell, Sheet

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")


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


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    marks = {BEST: "**", SECOND: "*"}.get(cell.rank, "")
    return f"{marks}{text}{marks}"
