"""Run files read back: records and runs as frames, and which of them count."""

from __future__ import annotations

from liafbench.bench.results.frames import blocks, rows, widen
from liafbench.bench.results.read import Problem, Results, find_folders, read
from liafbench.bench.results.settle import CELL, settle

__all__ = [
    "CELL",
    "Problem",
    "Results",
    "blocks",
    "find_folders",
    "read",
    "rows",
    "settle",
    "widen",
]
