"""Whether a run was made as the shipped suite of its name says: only such runs are judged."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from bench import suites
from bench.results.plan import option_line
from bench.results.read import NOT_OF_THE_RECIPE
from bench.runs.cells import training_cells

ANY_WAY = ("allow_partial",)
"""Data options that decide no number: what was there is recorded with the run."""


def as_shipped(run: dict[str, Any]) -> bool:
    """Whether recipe and data options are those of the suite; the tuned rate is free."""
    place = (run["task"], run["backbone"], run["baseline"])
    known = _settings(run["suite"]).get(place, frozenset())
    return (_canonical(run["recipe"]), _data(run["data"])) in known


@cache
def _settings(suite: str) -> dict[tuple[str, str, str], frozenset[tuple[str, str]]]:
    """Recipe and data options by task, backbone and baseline; nothing for suites of others."""
    if suite not in suites.shipped():
        return {}
    found: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for cell in training_cells(suites.load(suite)):
        settings = (_shared(cell.recipe.model_dump(mode="json")), _data(option_line(cell.data)))
        found.setdefault((cell.task, cell.backbone, cell.baseline), set()).add(settings)
    return {place: frozenset(every) for place, every in found.items()}


def _canonical(recipe: str) -> str:
    """A recorded recipe with today's defaults for the fields it does not say."""
    fields = suites.Recipe.model_fields.items()
    defaults = {name: field.get_default() for name, field in fields if not field.is_required()}
    return _shared(defaults | json.loads(recipe or "{}"))


def _shared(recipe: dict[str, Any]) -> str:
    """What of a recipe all baselines of a task share, as one text."""
    kept = {name: value for name, value in recipe.items() if name not in NOT_OF_THE_RECIPE}
    return json.dumps(kept, sort_keys=True)


def _data(line: str) -> str:
    parts = [part for part in line.split(", ") if part.split("=")[0] not in ANY_WAY]
    return ", ".join(parts)
