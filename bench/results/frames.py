"""Frames as plain rows and blocks, with plain types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pandas as pd


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dictionaries."""
    names = [str(name) for name in frame.columns]
    columns = (frame[name].tolist() for name in frame.columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def blocks(
    frame: pd.DataFrame, keys: Sequence[str], *, sort: bool = True
) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """The parts of a frame that agree in `keys`, each with its key."""
    for key, part in frame.groupby(list(keys), sort=sort):
        yield dict(zip(keys, cast("tuple[str, ...]", key), strict=True)), part


def widen(long: pd.DataFrame, index: Sequence[str], name: str) -> pd.DataFrame:
    """One row per `index`; per value of column `name` its mean, `_std` and what else there is.

    The columns of `long` beside index and name become `<value>_<column>`, `mean` plain `<value>`.
    """
    table = cast(pd.DataFrame, long.set_index([*index, name]).unstack(name))
    pairs = cast("list[tuple[str, str]]", list(table.columns))
    table.columns = pd.Index(
        [value if part == "mean" else f"{value}_{part}" for part, value in pairs]
    )
    return table
