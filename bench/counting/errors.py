"""What cannot be counted, said in one line."""

from __future__ import annotations

from liafbench.baselines.errors import UsageError


class UncountableError(UsageError):
    """An operation whose cost is not known; the message names the operator and the module."""


def uncountable(operator: str, module: str, reason: str = "") -> UncountableError:
    """The refusal of one operator in one module."""
    where = f"module {module!r}" if module else "the module itself"
    why = reason or (
        "its cost is not known; write it with known operators, or add its formula to "
        "liafbench.bench.counting"
    )
    return UncountableError(f"cannot count operator {operator} in {where}: {why}")


def first_line(error: Exception) -> str:
    """What an error says first, or its name where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
