"""What runs jobs: processes of this machine, or a Ray cluster. Both meet one protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.job import Job
from liafbench.bench.runs.records import Run

OnEpoch = Callable[[str, int, int], None]
OnFinished = Callable[[Run], None]
Fits = Callable[[Cell], bool]


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
