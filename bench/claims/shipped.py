"""Whether a run was made as the shipped suite of its name says: only such runs are judged."""

from __future__ import annotations

from functools import cache
from typing import Any

from liafbench.bench import suites
from liafbench.bench.results.load import option_line, shared_recipe
from liafbench.bench.runs.cells import training_cells

ANY_WAY = ("allow_partial", "allow_unofficial")
"""Data options that decide no number: what was there is recorded with the run."""


def as_shipped(run: dict[str, Any]) -> bool:
    """Whether recipe and data options are those of the suite; the tuned rate is free."""
    place = (run["task"], run["backbone"], run["baseline"])
    known = _settings(run["suite"]).get(place, frozenset())
    return (run["recipe"], _data(run["data"])) in known


@cache
def _settings(suite: str) -> dict[tuple[str, str, str], frozenset[tuple[str, str]]]:
    """Recipe and data options by task, backbone and baseline; nothing for suites of others."""
    if suite not in suites.shipped():
        return {}
    found: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for cell in training_cells(suites.load(suite)):
        settings = (
            shared_recipe(cell.recipe.model_dump(mode="json")),
            _data(option_line(cell.data)),
        )
        found.setdefault((cell.task, cell.backbone, cell.baseline), set()).add(settings)
    return {place: frozenset(every) for place, every in found.items()}


def _data(line: str) -> str:
    parts = [part for part in line.split(", ") if part.split("=")[0] not in ANY_WAY]
    return ", ".join(parts)
