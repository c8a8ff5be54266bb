"""Frames as CSV: full values that read back bit for bit, units in the heads, no formulas."""

from __future__ import annotations

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that a spreadsheet takes for a formula."""


def csv_text(frame: pd.DataFrame) -> str:
    """The whole frame; floats in their shortest form that reads back to the same value."""
    units = frame.attrs.get("units", {})
    safe = frame.copy()
    safe.attrs = {}
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(harmless)
    safe.columns = pd.Index([harmless(_head(str(name), units)) for name in safe.columns])
    return safe.to_csv(index=False, lineterminator="\n")


def harmless(value: object) -> object:
    """Text that no spreadsheet runs: an apostrophe goes before what looks like a formula."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _head(name: str, units: dict[str, str]) -> str:
    """The column's name with the unit of its metric; counts of values have none."""
    for suffix in ("", "_std", "_low", "_high"):
        metric = name.removesuffix(suffix) if suffix else name
        if metric in units and metric + suffix == name:
            return f"{name} [{units[metric]}]"
    return name
