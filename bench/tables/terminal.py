"""The comparison on a terminal."""

from __future__ import annotations

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from bench.tables.cells import BEST, SECOND, Cell, Sheet
from bench.tables.render import narrow
from bench.tables.sheet import sheets

_STYLES = {BEST: "[bold]{}[/]", SECOND: "[underline]{}[/]"}


def terminal(frame: pd.DataFrame) -> Table:
    """A frame for the terminal: one table a task, the columns that fit, best in bold."""
    page = Table.grid(padding=(0, 0, 1, 0))
    for sheet in sheets(frame, narrow(frame)):
        page.add_row(_printed(sheet))
    return page


def _printed(sheet: Sheet) -> Table:
    table = Table(title=escape(sheet.title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(sheet.heads):
        table.add_column(
            escape(head), justify="left" if place < sheet.text_columns else "right", overflow="fold"
        )
    for row in sheet.rows:
        table.add_row(*(_styled(cell) for cell in row))
    notes = [*sheet.notes, *([sheet.caption] if sheet.caption else [])]
    table.caption = escape("\n".join(notes))
    table.caption_justify = "left"
    return table


def _styled(cell: Cell) -> str:
    style = "[dim]{}[/]" if cell.muted else _STYLES.get(cell.rank, "{}")
    return style.format(escape(cell.text))
