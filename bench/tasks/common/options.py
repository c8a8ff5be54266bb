"""The options that a suite or a caller gives for a data set: names and types, before it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liafbench.baselines.errors import UsageError, unknown

COMMON: dict[str, type] = {"limit": int, "allow_partial": bool, "allow_unofficial": bool}
"""What every task accepts."""
BINNED: dict[str, type] = {
    **dict.fromkeys(("time_steps", "height", "width", "window_us", "clip"), int),
    **dict.fromkeys(("by", "values"), str),
}
"""Fields of a binning, whose defaults depend on the backbone."""
POSITIVE = {"limit", *(name for name, kind in BINNED.items() if kind is int)}
NAMES: dict[type | None, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a text", tuple: "a list",
    list: "a list",
}  # fmt: skip


def check(task: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """UsageError for an option that a task does not have, and for a value of another type."""
    for name, value in given.items():
        if name not in defaults and name not in COMMON:
            raise unknown(f"data option of {task}", name, (*defaults, *COMMON))
        default = defaults.get(name)
        if value is None and default is None and name not in COMMON:
            continue
        kind = COMMON.get(name) or (type(default) if default is not None else BINNED.get(name))
        if kind in NAMES and not _is(value, kind):
            raise UsageError(f"{task}: {name} = {repr(value)[:80]} must be {NAMES[kind]}")
        if name in POSITIVE and value <= 0:
            raise UsageError(f"{task}: {name} = {value} must be above 0")


def _is(value: Any, kind: type | None) -> bool:
    if kind in (tuple, list):
        return isinstance(value, (list, tuple))
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is kind
