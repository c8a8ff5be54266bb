"""Progress of a run on the terminal: cells overall, epochs of the cells in work, time left."""

from __future__ import annotations

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from liafbench.bench.cli.console import note
from liafbench.bench.runfiles import Run
from liafbench.bench.runs.cells import Cell


class TerminalProgress:
    """A bar over all cells and one for each cell in work; silent when not a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=note,
            transient=True,
            disable=not note.is_terminal,
        )
        self._labels: dict[str, str] = {}
        self._bars: dict[str, TaskID] = {}
        self._overall: TaskID | None = None

    def __enter__(self) -> TerminalProgress:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def planned(self, cells: list[Cell], finished: int) -> None:
        """Start the bar: cells to run, and how many are finished."""
        self._labels = {cell.run_id: cell.label for cell in cells}
        total = len(cells) + finished
        self._overall = self._progress.add_task("cells", total=total, completed=finished)

    def epoch(self, run_id: str, epoch: int, epochs: int) -> None:
        """Advance the bar of one cell."""
        if run_id not in self._bars:
            label = escape(self._labels.get(run_id, run_id))
            self._bars[run_id] = self._progress.add_task(label, total=epochs)
        self._progress.update(self._bars[run_id], completed=epoch)

    def finished(self, run: Run) -> None:
        """Remove the bar of a finished or failed cell; report a failure."""
        if run.run_id in self._bars:
            self._progress.remove_task(self._bars.pop(run.run_id))
        if self._overall is not None:
            self._progress.advance(self._overall)
        if run.status == "failed":
            label = escape(self._labels.get(run.run_id, run.run_id))
            note.print(f"[red]failed[/] {label}: {escape(run.reason or '')}")

    def set_aside(self, damaged: str) -> None:
        """Report a damaged run file that was moved aside."""
        note.print(f"[yellow]damaged[/] {escape(damaged)}")
