"""A run of a suite: plan the cells, run what is missing, write records."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import baselines
from baselines import backbones
from baselines.budget import width_for
from baselines.engines import ENGINES
from baselines.errors import UsageError, unknown
from bench import metrics, tasks
from bench.runs.cells import Cell, Skipped, timing_cells, training_cells, tuning_cells
from bench.runs.local import execute, failed
from bench.runs.provenance import machine
from bench.runs.records import Run
from bench.runs.store import Store
from bench.runs.worker import Job
from bench.suites import Suite
from bench.tasks.common.task import data_folder

COMMON_DATA_OPTIONS = ("limit", "allow_partial")
FILTERS = ("task", "backbone", "baseline", "engine", "budget", "seed")


class Reporter(Protocol):
    """Hears of progress; the command line shows it, a test collects it."""

    def planned(self, cells: list[Cell], finished: int) -> None: ...
    def epoch(self, run_id: str, epoch: int, epochs: int) -> None: ...
    def finished(self, run: Run) -> None: ...


@dataclass(frozen=True)
class Options:
    """How a suite is run, as the command line takes it."""

    out: Path
    data_dir: str | None = None
    device: str = "cpu"
    jobs: int = 1
    only: dict[str, str] = field(default_factory=dict)
    seeds: int | None = None
    force: bool = False
    retry_failed: bool = False


@dataclass
class Plan:
    """The cells of a suite on this machine: to run, finished, failed earlier, and n/a."""

    store: Store
    training: list[Cell]
    timing: list[Cell]
    skipped: list[Skipped]

    def all_cells(self) -> list[Cell]:
        """Tuning, training and timing cells, each once, in the order they run."""
        tuning = [cell for each in self.training for cell in tuning_cells(each)]
        unique = {cell.run_id: cell for cell in [*tuning, *self.training, *self.timing]}
        return list(unique.values())


def plan(suite: Suite, options: Options) -> Plan:
    """Check every name of a suite and lay out its cells; nothing is read or run."""
    chosen, skipped = [], []
    for cell in training_cells(suite, options.seeds):
        resolved = _resolve(cell)
        if not _wanted(resolved, options.only):
            continue
        reason = _why_not(resolved)
        if reason is None:
            chosen.append(resolved)
        else:
            place = (resolved.task, resolved.backbone, resolved.baseline, resolved.budget)
            skipped.append(Skipped(*place, reason))
    if not chosen:
        raise UsageError(f"suite {suite.name}: no cell is left to run; check --only {options.only}")
    folder = options.out / suite.name / machine(options.device)
    return Plan(Store(folder), chosen, timing_cells(chosen), list(dict.fromkeys(skipped)))


def _why_not(cell: Cell) -> str | None:
    """Why a cell cannot exist: its baseline cannot serve the task, or cannot meet the budget."""
    baseline = baselines.get(cell.baseline)
    reason = baseline.serves(cell.task, cell.backbone)
    if reason is None and cell.build_budget is not None:
        backbone = backbones.get(cell.task, cell.backbone)
        try:
            width_for(baseline, baselines.get(cell.build_budget), backbone)
        except UsageError as error:
            return str(error)
    return reason


def _resolve(cell: Cell) -> Cell:
    """Check the names a cell uses and fill in the task's first backbone."""
    baselines.get(cell.baseline)
    tasks.get(cell.task)
    for name in cell.measure.metrics:
        metrics.get(name)
    if cell.engine not in ENGINES:
        raise unknown("engine", cell.engine, ENGINES)
    backbone = backbones.get(cell.task, cell.backbone or None)
    return replace(cell, backbone=backbone.name)


def check_data(plan: Plan, data_dir: str | None) -> None:
    """Refuse what cannot work before anything runs: a missing folder, an unknown data option."""
    checked: set[str] = set()
    for cell in plan.training:
        task = tasks.get(cell.task)
        for name in cell.data:
            known = (*task.options, *COMMON_DATA_OPTIONS)
            if name not in known:
                raise unknown(f"data option of {cell.task}", name, known)
        if cell.task not in checked and not task.embedded:
            data_folder(task, data_dir)
        checked.add(cell.task)


def _wanted(cell: Cell, only: dict[str, str]) -> bool:
    for key, value in only.items():
        if key not in FILTERS:
            raise unknown("key in --only", key, FILTERS)
        if str(getattr(cell, key)) not in value.split(","):
            return False
    return True


@dataclass
class Session:
    """Runs what a plan lacks. Finished cells stay; failed ones only go again when asked."""

    plan: Plan
    options: Options
    reporter: Reporter
    failures: list[Run] = field(default_factory=list)
    ran: int = 0

    def run(self) -> None:
        """Tune, then train, then time: timing never runs beside training."""
        self.plan.store.prepare()
        cells = self.plan.all_cells()
        todo = self._missing(cells)
        self.reporter.planned(todo, len(cells) - len(todo))
        phase = {kind: [c for c in todo if c.kind == kind] for kind in ("tune", "train", "time")}
        self._execute(phase["tune"], self.options.jobs)
        self._execute(phase["train"], self.options.jobs)
        self._execute(phase["time"], 1)

    def _missing(self, cells: Iterable[Cell]) -> list[Cell]:
        todo = []
        for cell in cells:
            run = None if self.options.force else self.plan.store.read(cell.run_id)
            if run is None or (run.status == "failed" and self.options.retry_failed):
                todo.append(cell)
            elif run.status == "failed":
                self.failures.append(run)
        return todo

    def _execute(self, cells: list[Cell], workers: int) -> None:
        jobs = [job for cell in cells if (job := self._job(cell)) is not None]
        execute(jobs, workers, self.reporter.epoch, self._finished)

    def _finished(self, run: Run) -> None:
        self.ran += 1
        if run.status == "failed":
            self.failures.append(run)
        self.reporter.finished(run)

    def _job(self, cell: Cell) -> Job | None:
        """The job of a cell; None, with a failed run stored, when its tuning left no rate."""
        options = self.options
        job = Job(cell, self.plan.store, options.data_dir, options.device)
        if not cell.recipe.learning_rate_grid:
            return replace(job, learning_rate=cell.recipe.learning_rate)
        try:
            rate, seconds = choose_learning_rate(cell, self.plan.store)
        except TuningFailed as error:
            self._finished(failed(job, error))
            return None
        return replace(job, learning_rate=rate, tuning_seconds=seconds)


class TuningFailed(RuntimeError):
    """No learning rate of the grid finished all its tuning runs."""


def choose_learning_rate(cell: Cell, store: Store) -> tuple[float, float]:
    """The rate of the grid with the best mean validation accuracy, and the seconds tuning took.

    A rate with a failed tuning run is out; ties go to the smaller rate. Raises TuningFailed when
    no rate is left.
    """
    accuracy: dict[float, list[float]] = {}
    out: set[float] = set()
    seconds = 0.0
    for tuned in tuning_cells(cell):
        rate = tuned.recipe.learning_rate
        run = store.read(tuned.run_id)
        if run is None or run.status == "failed":
            out.add(rate)
            continue
        values = {record.metric: record.value for record in run.records}
        accuracy.setdefault(rate, []).append(values["validation_accuracy"])
        seconds += run.seconds
    left = sorted(set(accuracy) - out)
    if not left:
        raise TuningFailed(f"every learning rate of {cell.recipe.learning_rate_grid} failed")
    return max(left, key=lambda rate: statistics.fmean(accuracy[rate])), seconds
