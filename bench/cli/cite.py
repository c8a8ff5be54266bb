"""`liafbench cite`: BibTeX of what results, baselines and tasks rest on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from liafbench.baselines import BASELINES, plugins
from liafbench.baselines.errors import unknown
from liafbench.bench.citations import (
    Entry,
    of_baseline,
    of_results,
    of_suite,
    of_task,
    unique,
    unknown_names,
)
from liafbench.bench.cli.console import emit_json, note, show_findings
from liafbench.bench.results import load
from liafbench.bench.tasks import TASKS, Task


def cite(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="results folders, baselines, tasks; default: this suite"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Print the BibTeX of results, baselines or tasks."""
    entries = unique([entry for each in what or [] for entry in _entries(each)] or [of_suite()])
    if json:
        emit_json([entry._asdict() for entry in entries])
        return
    typer.echo("\n\n".join(entry.text for entry in entries))


def _entries(what: str) -> list[Entry]:
    """The entries of a folder or a name; a folder `klif` is given as `./klif`."""
    if what in TASKS or isinstance(plugins.find(plugins.TASK_GROUP, what), Task):
        return of_task(what)
    if what in BASELINES or plugins.address(plugins.BASELINE_GROUP, what):
        return of_baseline(what)
    if Path(what).is_dir():
        results = load(Path(what))
        show_findings(results.findings)
        for name in unknown_names(results):
            note.print(f"no reference known: {escape(name)}, of another package")
        return of_results(results)
    raise unknown("results folder, baseline or task", what, [*BASELINES, *TASKS])
