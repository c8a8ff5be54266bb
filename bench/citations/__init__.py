"""BibTeX of the methods, data sets and libraries that results rest on."""

from liafbench.bench.citations.collect import (
    of_baseline,
    of_results,
    of_suite,
    of_task,
    unknown_names,
)
from liafbench.bench.citations.entries import Entry, split, unique

__all__ = [
    "Entry",
    "of_baseline",
    "of_results",
    "of_suite",
    "of_task",
    "split",
    "unique",
    "unknown_names",
]
