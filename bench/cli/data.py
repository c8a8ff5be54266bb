"""`liafbench data`: what is there of the data sets, and how to get what is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from liafbench.baselines.errors import UsageError
from liafbench.bench import tasks
from liafbench.bench.cli.console import console, emit_json, note
from liafbench.bench.events.cache import FrameCache
from liafbench.bench.tasks.common.files import TaskState

data_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Check, download or clear data sets."
)
Names = Annotated[list[str] | None, typer.Argument(help="tasks; default: all")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", envvar="LIAFBENCH_DATA", help="folder of the data sets, one folder per task"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
COLOURS = {
    "present": "green",
    "partial": "yellow",
    "unofficial": "yellow",
    "corrupt": "red",
    "absent": "dim",
}


@data_app.command("check")
def check(names: Names = None, data: Data = None, json: Json = False) -> None:
    """Show for each task whether its files are present, partial, unofficial, corrupt or absent.

    Exit status 1 if a file is corrupt or has another checksum than the official one.
    """
    for name in names or ():
        tasks.get(name)
    states = tasks.check(data, names or ())
    if json:
        emit_json([state._asdict() for state in states])
    else:
        _print_states(states)
    if any(state.state in ("corrupt", "unofficial") for state in states):
        raise typer.Exit(1)


def _print_states(states: Sequence[TaskState]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("task", "state", "expected size", "detail"):
        table.add_column(
            column,
            justify="right" if column == "expected size" else "left",
            no_wrap=column != "detail",
            overflow="fold",
        )
    for state in states:
        colour = COLOURS[state.state]
        size = _size(state.expected_size)
        table.add_row(state.task, f"[{colour}]{state.state}[/]", size, escape(state.detail))
    console.print(table)


@data_app.command("fetch")
def fetch(names: Names = None, data: Data = None) -> None:
    """Download, check and unpack what is missing; a local file always wins."""
    wanted = [tasks.get(name) for name in names] if names else list(tasks.TASKS.values())
    tasks.base_folder(data)
    faults: dict[str, str] = {}
    for task in wanted:
        try:
            with Download(task.name) as progress:
                made = tasks.fetch(task.name, data, progress)
        except UsageError as error:  # the others are fetched all the same
            if len(wanted) == 1:
                raise
            faults[task.name] = str(error)
            note.print(escape(str(error)))
            continue
        for path in made:
            note.print(f"{task.name}: {escape(str(path))}")
        if not made:
            note.print(f"{task.name}: nothing to fetch")
    if faults:
        raise UsageError(f"not fetched: {', '.join(faults)}; the reasons are above")


@data_app.command("clear")
def clear() -> None:
    """Remove the cached frames of the event data sets; they are made again when needed."""
    cache = FrameCache()
    freed = cache.clear()
    note.print(f"{escape(str(cache.folder))}: {freed / 1e6:.1f} MB freed")


def _size(size: int | None) -> str:
    if size is None:
        return "not available"
    return f"{size / 1e6:.1f} MB" if size else "-"


class Download:
    """A progress bar with the methods that pooch calls; silent when not a terminal."""

    def __init__(self, title: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=note,
            transient=True,
            disable=not note.is_terminal,
        )
        self._bar = self._progress.add_task(title, total=None)

    def __enter__(self) -> Download:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @property
    def total(self) -> float | None:
        return self._progress.tasks[self._bar].total

    @total.setter
    def total(self, total: float) -> None:
        self._progress.update(self._bar, total=total)

    def update(self, amount: float) -> None:
        self._progress.update(self._bar, advance=amount)

    def reset(self) -> None:
        self._progress.reset(self._bar)

    def close(self) -> None:
        """The bar goes when the whole task is done."""
