"""The subcommands: what each does in a line, and where it is. It is imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Place(NamedTuple):
    """`module:name` of a command within this package, and the first line of its help."""

    where: str
    summary: str


COMMANDS = {
    "run": Place("run:run", "Train, count and time the cells of a suite; skips finished cells."),
    "list": Place("listing:list_names", "List baselines, tasks, suites, engines and metrics."),
    "count": Place(
        "count:count", "Count synapses, operations and neurons of a baseline, for one sample."
    ),
    "time": Place("time:time", "Time a baseline under one or several engines, on synthetic input."),
    "throughput": Place(
        "throughput:throughput",
        "Measure throughput over batch sizes, precisions and engines; skips what is measured.",
    ),
    "costs": Place(
        "costs:costs", "Count every baseline on every task and backbone; write RESULTS/counting."
    ),
    "tables": Place("tables:tables", "Write the tables of a results folder from its run files."),
    "compare": Place("compare:compare", "Compare two results folders, or one with the papers."),
    "report": Place(
        "report:report",
        "Write one HTML file of a results folder: tables, figures, claims, provenance.",
    ),
    "figure": Place("figure:figure", "Draw accuracy against cost, with the Pareto front."),
    "cite": Place("cite:cite", "Print the BibTeX of results, baselines or tasks."),
    "check": Place(
        "check:check", "Check a model or a task of your own; exit code 1 if something is wrong."
    ),
    "data": Place("data:data_app", "Check, download or clear data sets."),
}


def load(name: str) -> Any:
    """Import a command: the click command that its signature and docstring describe."""
    module, _, attribute = COMMANDS[name].where.partition(":")
    found = getattr(import_module(f"{__package__}.{module}"), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(name)(found)
    return typer.main.get_command(app)


class Deferred(TyperCommand):
    """A command of which only the name and the summary are known until it is called."""

    def make_context(self, *words: Any, **options: Any) -> Any:
        """That of the command itself."""
        assert self.name is not None
        return load(self.name).make_context(*words, **options)


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {
            name: Deferred(name, help=place.summary) for name, place in COMMANDS.items()
        }
