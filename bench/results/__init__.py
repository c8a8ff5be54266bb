"""Run files read back: records and runs as frames, and which of them count."""

from __future__ import annotations

from bench.results.frames import blocks, rows, widen
from bench.results.read import Problem, Results, find_folders, read
from bench.results.settle import CELL, settle

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
