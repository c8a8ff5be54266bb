"""What differs between the surroundings of two folders' runs: the first thing to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from liafbench.bench.results import Results
from liafbench.bench.runfiles import Run

NOT_SURROUNDINGS = ("provenance.timing.", "provenance.ceilings.")
"""Load, clocks and rates of the moment are beside the timings, they differ always."""
SHOWN = 3  # distinct values a cell of the table lists


def differences(a: Results, b: Results) -> pd.DataFrame:
    """One row for every entry of provenance or configuration whose values are not the same.

    Columns: entry, a, b. Configurations are compared over the cells that both folders have.
    """
    runs_a, runs_b = _finished(a), _finished(b)
    common = set(map(_cell, runs_a)) & set(map(_cell, runs_b))
    found_a, found_b = _entries(runs_a, common), _entries(runs_b, common)
    rows = [
        (entry, _list(found_a.get(entry, set())), _list(found_b.get(entry, set())))
        for entry in sorted({*found_a, *found_b})
        if found_a.get(entry) != found_b.get(entry)
    ]
    return pd.DataFrame(rows, columns=["entry", "a", "b"])


def _finished(results: Results) -> list[Run]:
    return [run for runs in results.stored.values() for run in runs if run.status == "done"]


def _cell(run: Run) -> tuple[str, ...]:
    names = ("task", "backbone", "engine", "budget", "seed")
    cell = [str(getattr(run.config, name)) for name in names]
    return (run.kind, *cell, run.config.baseline)


def _entries(runs: Iterable[Run], common: set[tuple[str, ...]]) -> dict[str, set[str]]:
    entries: dict[str, set[str]] = {}
    for run in runs:
        leaves = list(_leaves(run.provenance.plain(), "provenance"))
        if _cell(run) in common:
            leaves += _leaves(run.config.plain(), "config")
        for entry, value in leaves:
            if not entry.startswith(NOT_SURROUNDINGS):
                entries.setdefault(entry, set()).add(value)
    return entries


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    else:
        yield path, str(value)


def _list(values: set[str]) -> str:
    shown = sorted(values)
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more
