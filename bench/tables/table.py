"""A table: its values as a frame, and what heads, units and captions say of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import pandas as pd

BEST, SECOND = 1, 2


@dataclass(frozen=True)
class Table:
    """One table; CSV, Markdown, LaTeX, HTML and the terminal are renderings of it.

    `units` by column of the frame; `heads` where a column's name does not read well; `narrow` are
    the columns that fit across a page, where not all do.
    """

    frame: pd.DataFrame
    title: str
    label: str
    units: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    caption: str = ""
    narrow: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    def with_frame(self, frame: pd.DataFrame) -> Self:
        """The same table with other rows or columns."""
        return replace(self, frame=frame)


@dataclass(frozen=True)
class MatrixTable(Table):
    """Tasks down, models across: per model its mean, and columns `<model>_<part>`."""

    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricsTable(Table):
    """A row per cell; per metric its mean, `<metric>_std` and `<metric>_n`.

    `source` is the provenance; `timed` says by block on what its speeds were measured, `sampled`
    by block and metric on how many test samples its operations were counted.
    """

    source: dict[str, str] = field(default_factory=dict)
    timed: dict[tuple[str, ...], str] = field(default_factory=dict)
    sampled: dict[tuple[str, ...], dict[str, Sampled]] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """The metrics of the frame, in its order."""
        return [name for name in self.frame.columns if f"{name}_std" in self.frame.columns]


@dataclass(frozen=True)
class Sampled:
    """Over how many samples of how many the networks of a block were counted, for one metric."""

    least: int
    most: int
    whole: float
    """NaN where the size of a test set is not known."""
    everything: bool
    error: float
    """The largest standard error in percent; NaN where no network has one."""


@dataclass(frozen=True)
class TableCell:
    """Text of one cell; `rank` 1 or 2 for the best two that compete; `cite` a reference's key."""

    text: str
    rank: int = 0
    cite: str = ""
    muted: bool = False


@dataclass
class Sheet:
    """One printed table; the first `text_columns` columns hold text, the others numbers."""

    title: str
    label: str
    heads: list[str]
    rows: list[list[TableCell]]
    caption: str = ""
    notes: list[str] = field(default_factory=list)
    text_columns: int = 1


def ranks(
    values: Sequence[float], texts: Sequence[str], may: Sequence[bool], best: str
) -> list[int]:
    """1 for the best and 2 for the second of those that may compete; alike in print is alike.

    Nobody is marked where all are alike.
    """
    may = [allowed and not math.isnan(value) for allowed, value in zip(may, values, strict=True)]
    if sum(may) < 2:
        return [0] * len(values)
    sign = -1.0 if best == "high" else 1.0
    competing = [(sign * v, t) for v, t, allowed in zip(values, texts, may, strict=True) if allowed]
    distinct = list(dict.fromkeys(text for _, text in sorted(competing)))
    if len(distinct) == 1:
        return [0] * len(values)
    marks = {text: rank for rank, text in enumerate(distinct[:SECOND], start=BEST)}
    return [marks.get(text, 0) if allowed else 0 for text, allowed in zip(texts, may, strict=True)]
