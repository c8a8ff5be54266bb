"""Records to tables, tables to CSV, Markdown, LaTeX and the terminal."""

from __future__ import annotations

from bench.tables.accuracy import accuracy, groups
from bench.tables.comparison import comparison, cost, everything
from bench.tables.published import against_published
from bench.tables.render import FORMATS, render
from bench.tables.terminal import terminal
from bench.tables.unfinished import unfinished
from bench.tables.write import Written, read_records, write_all, write_tables

__all__ = [
    "FORMATS",
    "Written",
    "accuracy",
    "against_published",
    "comparison",
    "cost",
    "everything",
    "groups",
    "read_records",
    "render",
    "terminal",
    "unfinished",
    "write_all",
    "write_tables",
]
