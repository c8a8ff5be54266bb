"""`liafbench list`: what there is to choose from."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer
from rich.table import Table

from baselines import BASELINES, backbones
from baselines.engines import ENGINES
from bench import suites
from bench.cli.console import console, emit_json
from bench.tasks import TASKS


class Kind(str, Enum):
    """The registries."""

    baselines = "baselines"
    tasks = "tasks"
    suites = "suites"
    engines = "engines"


def list_names(
    kind: Annotated[
        Kind | None, typer.Argument(help="one registry; all of them without it")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """List baselines, tasks, suites and engines."""
    kinds = [kind] if kind else list(Kind)
    found = {each.value: _ROWS[each]() for each in kinds}
    if json:
        emit_json(found)
        return
    for name, rows in found.items():
        table = Table(title=name, title_justify="left", box=None, pad_edge=False)
        for column in rows[0]:
            table.add_column(column)
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        console.print(table)
        console.print()


def _cell(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _baselines() -> list[dict[str, Any]]:
    return [
        {"name": name, "title": each.title, "role": each.role, "engines": list(each.engines)}
        for name, each in BASELINES.items()
    ]


def _tasks() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": each.title,
            "kind": each.kind,
            "classes": each.classes,
            "backbones": list(backbones.names(name)),
        }
        for name, each in TASKS.items()
    ]


def _suites() -> list[dict[str, Any]]:
    return [{"name": name, "title": suites.load(name).title} for name in suites.shipped()]


def _engines() -> list[dict[str, Any]]:
    return [{"name": name} for name in ENGINES]


_ROWS = {
    Kind.baselines: _baselines,
    Kind.tasks: _tasks,
    Kind.suites: _suites,
    Kind.engines: _engines,
}
