"""Runs: cells, their ids, the executors, and the folder that holds what they give."""

from bench.runs.records import COLUMNS, Record, Run
from bench.runs.store import Store

__all__ = ["COLUMNS", "Record", "Run", "Store"]
