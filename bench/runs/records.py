"""Records and the run files that hold them; they live in `bench.runfiles`."""

from __future__ import annotations

from liafbench.bench.runfiles import COLUMNS, SCHEMA, Record, Run

__all__ = ["COLUMNS", "SCHEMA", "Record", "Run"]
