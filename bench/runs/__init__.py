"""Runs: cells, their ids, the executors, and the folder that holds what they give."""

from liafbench.bench.runs.records import COLUMNS, Record, Run
from liafbench.bench.runs.store import Store

__all__ = ["COLUMNS", "Record", "Run", "Store"]
