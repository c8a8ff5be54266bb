"""The cells of one phase that are still to run: jobs, handed out once to any number of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from liafbench.bench.runfiles import Run
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.locks import Locks
from liafbench.bench.runs.store import Stamp, Store

OnEpoch = Callable[[str, int, int], None]
"""Run id, epoch, number of epochs."""
OnFinished = Callable[[Run], None]
Fits = Callable[[Cell], bool]


@dataclass(frozen=True)
class Job:
    """A cell with what it needs from this machine; picklable.

    `seen` is the state of its run file when it was decided to run it; `trained` a finished run that
    differs in its counted samples alone.
    """

    cell: Cell
    store: Store
    data_dir: str | None
    device: str
    jobs: int = 1
    learning_rate: float = 0.0
    tuning_seconds: float = 0.0
    seen: Stamp | None = None
    trained: str | None = None


def anything(_cell: Cell) -> bool:
    """Whatever its needs, a cell fits."""
    return True


class Jobs(Protocol):
    """Jobs to be taken one by one; other processes may take from the same cells."""

    def __len__(self) -> int:
        """How many were not taken yet, those that others are at work on among them."""
        ...

    def take(self, fits: Fits = anything) -> Job | None:
        """The next one that fits; None when there is none at the moment."""
        ...


class Listed:
    """Jobs that nobody else knows of."""

    def __init__(self, jobs: list[Job]) -> None:
        self._jobs = list(jobs)

    def __len__(self) -> int:
        return len(self._jobs)

    def take(self, fits: Fits = anything) -> Job | None:
        """The first one that fits."""
        job = next((each for each in self._jobs if fits(each.cell)), None)
        if job is not None:
            self._jobs.remove(job)
        return job


class Execute(Protocol):
    """Run jobs, at most `workers` at once; every one ends as a stored run, done or failed.

    `on_epoch` hears of a run id with its epoch and number of epochs, `on_finished` once of every
    stored run. An exception of either, an interrupt above all, ends all jobs in work unstored.
    """

    def __call__(
        self, jobs: Jobs, workers: int, on_epoch: OnEpoch, on_finished: OnFinished
    ) -> None: ...


TIMING = "timing"
"""The claim of whoever measures times: two timing cells never run side by side."""


class Queue:
    """Hands out each cell once: claimed, and not finished by another process in the meantime.

    `make_job` gives the job of a claimed cell, or the run that was stored in place of one; `seen`
    the state of each cell's run file when it was decided to run it. `settled` hears of each run
    once, with whether it was made here.
    """

    def __init__(
        self,
        cells: Iterable[Cell],
        store: Store,
        make_job: Callable[[Cell], Job | Run],
        seen: Mapping[str, Stamp | None],
        settled: Callable[[Run, bool], None],
    ) -> None:
        self._waiting = {cell.run_id: cell for cell in cells}
        self._taken: dict[str, Cell] = {}
        self._store = store
        self._claims = Locks(store.folder)
        self._make_job = make_job
        self._seen = seen
        self._settled = settled

    def __len__(self) -> int:
        """How many cells have not been handed out; others may be at work on them."""
        return len(self._waiting)

    def take(self, fits: Fits = anything) -> Job | None:
        """The next cell that fits and that nobody else is at work on; None when there is none."""
        for run_id, cell in list(self._waiting.items()):
            if not fits(cell) or not self._claim(cell):
                continue
            self._taken[run_id] = self._waiting.pop(run_id)
            elsewhere = self._made_elsewhere(cell)
            found = elsewhere or self._make_job(cell)
            if isinstance(found, Job):
                self._store.sweep(run_id)
                return found
            self._settle(found, here=elsewhere is None)
        return None

    def finished(self, run: Run) -> None:
        """Record that a taken job has ended as a stored run."""
        self._settle(run, here=True)

    def _settle(self, run: Run, *, here: bool) -> None:
        self._release(self._taken.pop(run.run_id))
        self._settled(run, here)

    def _claim(self, cell: Cell) -> bool:
        if not self._claims.take(cell.run_id):
            return False
        if cell.kind != "time" or self._claims.take(TIMING):
            return True
        self._claims.release(cell.run_id)
        return False

    def _release(self, cell: Cell) -> None:
        self._claims.release(cell.run_id)
        if cell.kind == "time":
            self._claims.release(TIMING)

    def _made_elsewhere(self, cell: Cell) -> Run | None:
        """The run that another process has stored since it was decided to run the cell."""
        if self._store.stamp(cell.run_id) == self._seen[cell.run_id]:
            return None
        return self._store.read(cell.run_id)
