"""`liafbench list`: what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from liafbench import baselines
from liafbench.baselines import BASELINES, backbones, plugins
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError
from liafbench.bench import metrics, suites, tasks
from liafbench.bench.cli.console import console, emit_json
from liafbench.bench.tasks import TASKS


class Kind(StrEnum):
    """The registries."""

    baselines = "baselines"
    tasks = "tasks"
    suites = "suites"
    engines = "engines"
    metrics = "metrics"


def list_names(
    kind: Annotated[Kind | None, typer.Argument(help="one registry; default: all")] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """List baselines, tasks, suites, engines and metrics.

    Those of installed packages are included.
    """
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


def _with_outside(
    group: str, own: list[str], row: Callable[[str], dict[str, Any]]
) -> list[dict[str, Any]]:
    """A row per name, then per name that an installed package declares; a broken one says why."""
    listed = [row(name) for name in own]
    for name in plugins.declared(group):
        if name not in own:
            try:
                listed.append(row(name))
            except UsageError as error:
                listed.append({"name": name, "title": f"broken: {error}"})
    return listed


def _baselines() -> list[dict[str, Any]]:
    def row(name: str) -> dict[str, Any]:
        each = baselines.get(name)
        return {"name": name, "title": each.title, "role": each.role, "engines": list(each.engines)}

    return _with_outside(plugins.BASELINE_GROUP, list(BASELINES), row)


def _tasks() -> list[dict[str, Any]]:
    def row(name: str) -> dict[str, Any]:
        each, shapes = tasks.get(name), list(backbones.names(name))
        facts = {"kind": each.kind, "classes": each.classes, "backbones": shapes}
        return {"name": name, "title": each.title, **facts}

    broken = [{"name": file, "title": f"broken: {why}"} for file, why in tasks.BROKEN.items()]
    return _with_outside(plugins.TASK_GROUP, list(TASKS), row) + broken


def _metrics() -> list[dict[str, Any]]:
    from liafbench.bench.tables.columns import COLUMNS

    known = {each.metric: {"title": each.title, "unit": each.unit} for each in COLUMNS.values()}

    def row(name: str) -> dict[str, Any]:
        if name in known:
            return {"name": name, **known[name]}
        return {"name": name, "title": metrics.get(name).__doc__ or "", "unit": ""}

    return _with_outside(plugins.METRIC_GROUP, list(known), row)


def _suites() -> list[dict[str, Any]]:
    return [{"name": name, "title": suites.load(name).title} for name in suites.shipped()]


def _engines() -> list[dict[str, Any]]:
    return [{"name": name} for name in ENGINES]


_ROWS = {
    Kind.baselines: _baselines,
    Kind.tasks: _tasks,
    Kind.suites: _suites,
    Kind.engines: _engines,
    Kind.metrics: _metrics,
}
