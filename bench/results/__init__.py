"""Results folders read back: records and runs as frames, and which of them count."""

from __future__ import annotations

from liafbench.bench.results.load import CELL, Results, blocks, find_folders, read, rows, widen
from liafbench.bench.results.select import fits_budget, load, select, within_budget

__all__ = [
    "CELL",
    "Results",
    "blocks",
    "find_folders",
    "fits_budget",
    "load",
    "read",
    "rows",
    "select",
    "widen",
    "within_budget",
]
