"""What runs jobs: processes of this machine, or a Ray cluster. Both meet one protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bench.runs.records import Run
from bench.runs.worker import Job

OnEpoch = Callable[[str, int, int], None]
OnFinished = Callable[[Run], None]


class Execute(Protocol):
    """Run jobs, at most `workers` at once; every one ends as a stored run, done or failed.

    `on_epoch` hears of a run id with its epoch and number of epochs, `on_finished` once of every
    stored run. An exception of either, an interrupt above all, ends all jobs in work unstored.
    """

    def __call__(
        self, jobs: list[Job], workers: int, on_epoch: OnEpoch, on_finished: OnFinished
    ) -> None: ...
