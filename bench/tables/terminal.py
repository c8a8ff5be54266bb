"""The comparison on a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Printed

from liafbench.bench.tables.render import narrow
from liafbench.bench.tables.sheet import sheets
from liafbench.bench.tables.table import BEST, SECOND, Sheet, Table, TableCell

_STYLES = {BEST: "[bold]{}[/]", SECOND: "[underline]{}[/]"}


DROPPED_FIRST = ("training_time", "mac_effective", "ac", "weights", "inference_throughput")
"""What a narrow terminal loses of the comparison, in this order; the files have everything."""


def terminal(table: Table, width: int | None = None) -> Printed:
    """A table for a terminal of `width` characters: one table a task, best in bold.

    Columns that do not fit are left out, least telling first; None takes all there are.
    """
    metrics = narrow(table)
    tables = _printed_all(table, metrics)
    for metric in DROPPED_FIRST:
        if width is None or metrics is None or _natural_width(tables) <= width:
            break
        metrics = [each for each in metrics if each != metric]
        tables = _printed_all(table, metrics)
    page = Printed.grid(padding=(0, 0, 1, 0))
    for each in tables:
        page.add_row(each)
    return page


def _printed_all(table: Table, metrics: list[str] | None) -> list[Printed]:
    return [_printed(sheet) for sheet in sheets(table, metrics)]


def _natural_width(tables: list[Printed]) -> int:
    """Characters the widest table takes when no cell is wrapped; heads may wrap at spaces."""
    ruler = Console(width=1000)
    return max((ruler.measure(table).maximum for table in tables), default=0)


def _printed(sheet: Sheet) -> Printed:
    table = Printed(
        title=escape(sheet.title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
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


def _styled(cell: TableCell) -> str:
    style = "[dim]{}[/]" if cell.muted else _STYLES.get(cell.rank, "{}")
    return style.format(escape(cell.text))
