"""Records to tables, tables to CSV, Markdown, LaTeX and the terminal."""

from __future__ import annotations

from liafbench.bench.tables.accuracy import accuracy, groups
from liafbench.bench.tables.comparison import comparison, cost, everything, unfinished
from liafbench.bench.tables.published import against_published
from liafbench.bench.tables.render import FORMATS, render
from liafbench.bench.tables.table import Table
from liafbench.bench.tables.write import Written, read_records, write_all, write_tables

__all__ = [
    "FORMATS",
    "Table",
    "Written",
    "accuracy",
    "against_published",
    "comparison",
    "cost",
    "everything",
    "groups",
    "read_records",
    "render",
    "unfinished",
    "write_all",
    "write_tables",
]
