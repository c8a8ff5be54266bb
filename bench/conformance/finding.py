"""What a contract check says."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One check's verdict: "ok", "note" (works, but) or "wrong", and why in plain words."""

    check: str
    verdict: Literal["ok", "note", "wrong"]
    text: str


RAISED_BY_MODELS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What somebody's model may raise when it is called; anything else is a mistake of this suite."""


def said(error: BaseException) -> str:
    """An exception as one line, its first: torch adds its operators' signatures below."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
