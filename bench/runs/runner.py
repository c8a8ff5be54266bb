"""A run of a suite: run what the plan lacks, phase by phase."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from liafbench.bench.runfiles import Run
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.failure import failed
from liafbench.bench.runs.plan import Options, Plan
from liafbench.bench.runs.pool import execute
from liafbench.bench.runs.queue import Execute, Job, Queue
from liafbench.bench.runs.recount import Trainings
from liafbench.bench.runs.store import Stamp
from liafbench.bench.runs.tune import TuningFailed, choose_learning_rate


class Reporter(Protocol):
    """Hears of progress; the command line shows it, a test collects it."""

    def planned(self, cells: list[Cell], finished: int) -> None: ...
    def epoch(self, run_id: str, epoch: int, epochs: int) -> None: ...
    def finished(self, run: Run) -> None: ...
    def set_aside(self, damaged: str) -> None: ...


@dataclass
class Runner:
    """Runs what a plan lacks. Finished cells stay; failed ones only go again when asked."""

    plan: Plan
    options: Options
    reporter: Reporter
    execute: Execute = execute
    failures: list[Run] = field(default_factory=list)
    incomplete: list[Run] = field(default_factory=list)
    ran: int = 0
    _seen: dict[str, Stamp | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._trainings = Trainings(self.plan.store)

    def run(self) -> None:
        """Tune, then train, then time: timing never runs beside training."""
        self.plan.store.prepare()
        self.plan.store.write_plan(self.plan.document())
        cells = self.plan.all_cells()
        todo = self._missing(cells)
        self.reporter.planned(todo, len(cells) - len(todo))
        self._execute([cell for cell in todo if cell.kind == "tune"], self.options.jobs)
        # Tuning that was repeated may choose another rate than a finished cell was trained with.
        training = [cell for cell in cells if cell.kind == "train"]
        again = [cell for cell in training if cell in todo or self._rate_changed(cell)]
        self._execute(again, self.options.jobs)
        self._execute([cell for cell in todo if cell.kind == "time"], 1)

    def mixed_data(self) -> list[str]:
        """Tasks whose finished cells were made from different files or splits."""
        seen: dict[str, set[str]] = {}
        for cell in self.plan.training:
            run = self.plan.store.read(cell.run_id)
            if run is not None and run.status == "done":
                checksum = run.provenance.data.split_checksum
                place = f"{cell.task} {cell.data}" if cell.data else cell.task
                seen.setdefault(place, set()).add(checksum)
        return [place for place, checksums in seen.items() if len(checksums) > 1]

    def _missing(self, cells: Iterable[Cell]) -> list[Cell]:
        todo = []
        for cell in cells:
            self._seen[cell.run_id] = self.plan.store.stamp(cell.run_id)
            run = None if self.options.force else self.plan.store.read(cell.run_id)
            for damaged in self.plan.store.newly_damaged():
                self._seen[cell.run_id] = None
                self.reporter.set_aside(damaged)
            if run is None or (run.status == "failed" and self.options.retry_failed):
                todo.append(cell)
            elif run.status == "failed":
                self.failures.append(run)
            elif run.unmeasured and self.options.retry_failed:
                todo.append(cell)
            elif run.unmeasured:
                self.incomplete.append(run)
        return todo

    def _rate_changed(self, cell: Cell) -> bool:
        """Whether a finished cell was trained with a rate that its tuning no longer chooses."""
        run = self.plan.store.read(cell.run_id)
        if not cell.recipe.learning_rate_grid or run is None or run.status == "failed":
            return False
        trained = next(r.value for r in run.records if r.metric == "learning_rate")
        try:
            return choose_learning_rate(cell, self.plan.store)[0] != trained
        except TuningFailed:
            return False

    def _execute(self, cells: list[Cell], workers: int) -> None:
        if not cells:
            return
        store = self.plan.store
        queue = Queue(cells, store, self._job, self._seen, self._settled)
        workers = min(workers, len(cells))
        self.execute(queue, workers, self.reporter.epoch, queue.finished)

    def _settled(self, run: Run, here: bool) -> None:
        self.ran += here
        if run.status == "failed":
            self.failures.append(run)
        elif run.unmeasured:
            self.incomplete.append(run)
        self.reporter.finished(run)

    def _job(self, cell: Cell) -> Job | Run:
        """The job of a cell; the failed run that is stored when its tuning left no rate."""
        options, store = self.options, self.plan.store
        seen = self._seen[cell.run_id]
        job = Job(cell, store, options.data_dir, options.device, options.jobs, seen=seen)
        rate, seconds = cell.recipe.learning_rate, 0.0
        if cell.recipe.learning_rate_grid:
            try:
                rate, seconds = choose_learning_rate(cell, store)
            except TuningFailed as error:
                return failed(job, error)
        job = replace(job, learning_rate=rate, tuning_seconds=seconds)
        if cell.kind != "train" or options.force:
            return job
        return replace(job, trained=self._trainings.same(cell, rate))
