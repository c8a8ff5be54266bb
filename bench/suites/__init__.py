"""Suites: which cells are run, how they are trained, what is measured."""

from liafbench.bench.suites.loader import load, read, shipped
from liafbench.bench.suites.schema import (
    EQUAL_BACKBONE,
    EQUAL_BUDGET,
    Group,
    Measure,
    Recipe,
    Suite,
)

__all__ = [
    "EQUAL_BACKBONE",
    "EQUAL_BUDGET",
    "Group",
    "Measure",
    "Recipe",
    "Suite",
    "load",
    "read",
    "shipped",
]
