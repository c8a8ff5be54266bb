"""Numbers for people: one scale a column, four significant digits, the spread to match."""

from __future__ import annotations

import math
from collections.abc import Iterable

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
DIGITS = 4
PERCENT_DECIMALS = 2


def scale(values: Iterable[float]) -> tuple[float, str]:
    """The power of ten, and its prefix, in which the median of a column reads best."""
    known = sorted(abs(value) for value in values if math.isfinite(value) and value != 0)
    if not known:
        return 1.0, ""
    median = known[len(known) // 2]
    return next(((power, prefix) for power, prefix in PREFIXES if median >= power), (1.0, ""))


def unit_text(unit: str, prefix: str) -> str:
    """A unit behind its prefix: `1/sample` in millions is `M/sample`, plain counts are `M`."""
    if not prefix:
        return "" if unit == "1" else unit
    if unit == "1":
        return prefix
    return f"{prefix}/{unit[2:]}" if unit.startswith("1/") else f"{prefix} {unit}"


def decimals(value: float) -> int:
    """Decimals that show four significant digits, none for large numbers."""
    if value == 0 or not math.isfinite(value):
        return 0
    return max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))


def number(value: float, unit: str = "") -> str:
    """One number: percentages with two decimals, tiny ones as powers, others to four digits."""
    if unit == "%":
        return f"{value:.{PERCENT_DECIMALS}f}"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.2e}"
    places = decimals(value)
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places and float(value).is_integer() else text


def with_spread(value: float, spread: float, unit: str = "") -> str:
    """`mean ± spread`, at most two digits of the spread; the mean alone where none is known."""
    if not math.isfinite(spread):
        return number(value, unit)
    if unit != "%" and value != 0 and abs(value) < 1e-3:
        return f"{value:.2e} ± {spread:.1e}"
    places = PERCENT_DECIMALS if unit == "%" else decimals(value)
    if spread > 0 and unit != "%":  # two digits of the spread say enough
        places = min(places, max(0, 1 - math.floor(math.log10(spread))))
    return f"{value:,.{places}f} ± {spread:,.{places}f}"
