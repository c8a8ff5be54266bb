"""What a suite asks for on this machine: every name checked, nothing read or run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from liafbench import baselines
from liafbench.baselines import backbones, plugins
from liafbench.baselines.budget import width_for
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench import metrics, tasks
from liafbench.bench.only import Only
from liafbench.bench.runs.cells import Cell, Skipped, timing_cells, training_cells, tuning_cells
from liafbench.bench.runs.provenance import machine
from liafbench.bench.runs.resources import total_memory
from liafbench.bench.runs.store import Store
from liafbench.bench.suites import Suite
from liafbench.bench.tasks.common.task import data_folder

FILTERS = ("task", "backbone", "baseline", "engine", "budget", "seed")
PLAN_SCHEMA = 1


@dataclass(frozen=True)
class Options:
    """How a suite is run, as the command line takes it."""

    out: Path
    data_dir: str | None = None
    device: str = "cpu"
    jobs: int = 1
    only: Only = field(default_factory=Only)
    """By the keys of `FILTERS`."""
    seeds: int | None = None
    force: bool = False
    retry_failed: bool = False
    machine: str | None = None
    """The folder of the results; None: named after the machine this process runs on."""


@dataclass
class Plan:
    """The cells of a suite on this machine: to run, n/a, and all the suite asks for."""

    suite: str
    store: Store
    training: list[Cell]
    timing: list[Cell]
    skipped: list[Skipped]
    asked: list[Cell]
    """Every cell of the suite, also those that --only or --seeds leave out this time."""

    def all_cells(self) -> list[Cell]:
        """Tuning, training and timing cells, each once, in the order they run."""
        return _with_tuning(self.training, self.timing)

    def document(self) -> str:
        """plan.json: what the suite asks for, so that tables know what is current or missing."""
        cells = [
            {
                "run_id": cell.run_id,
                "kind": cell.kind,
                "task": cell.task,
                "backbone": cell.backbone,
                "baseline": cell.baseline,
                "engine": cell.engine,
                "budget": cell.budget,
                "seed": cell.seed,
                "data": cell.data,
                "options": cell.options,
            }
            for cell in self.asked
        ]
        return json.dumps({"schema": PLAN_SCHEMA, "suite": self.suite, "cells": cells}, indent=1)


def plan(suite: Suite, options: Options) -> Plan:
    """Lay out the cells of a suite. UsageError for a name or option that does not exist."""
    cells = [_resolve(cell) for cell in training_cells(suite, options.seeds)]
    reasons = {_place(cell): _why_not(cell) for cell in {_place(c): c for c in cells}.values()}
    possible = [cell for cell in cells if reasons[_place(cell)] is None]
    options.only.check(suite.name, FILTERS, map(_named, cells))
    # A run with fewer seeds leaves the suite's others current; one with more adds to them.
    listed = [
        cell for cell in map(_resolve, training_cells(suite)) if reasons[_place(cell)] is None
    ]
    asked = list({cell.run_id: cell for cell in [*listed, *possible]}.values())
    chosen = [cell for cell in possible if options.only.takes(_named(cell))]
    if not chosen:
        words = f"suite {suite.name} {options.only}".rstrip()
        raise UsageError(f"{words}: no cell is left to run; all are n/a or left out")
    skipped = [
        Skipped(cell.task, cell.backbone, cell.baseline, cell.budget, reason)
        for cell in cells
        if (reason := reasons[_place(cell)]) is not None and options.only.takes(_named(cell))
    ]
    return Plan(
        suite=suite.name,
        store=Store(options.out / suite.name / (options.machine or machine(options.device))),
        training=chosen,
        timing=timing_cells(chosen),
        skipped=list(dict.fromkeys(skipped)),
        asked=_with_tuning(asked, timing_cells(asked)),
    )


def _with_tuning(training: Iterable[Cell], timing: Iterable[Cell]) -> list[Cell]:
    training = list(training)
    tuning = [cell for each in training for cell in tuning_cells(each)]
    return list({cell.run_id: cell for cell in [*tuning, *training, *timing]}.values())


def _place(cell: Cell) -> tuple[str, ...]:
    """What decides whether a cell can exist; its seed and recipe do not."""
    options = json.dumps(cell.options, sort_keys=True)
    where = (cell.task, cell.backbone, cell.baseline, cell.engine, cell.budget)
    return (*where, cell.budget_reference, options)


def _resolve(cell: Cell) -> Cell:
    """Check the names a cell uses and fill in the task's first backbone."""
    baseline = baselines.get(cell.baseline)
    tasks.get(cell.task)
    if cell.build_budget is not None:
        baselines.get(cell.build_budget)
    for name in cell.measure.metrics:
        metrics.get(name)
    if cell.engine not in ENGINES:
        raise unknown("engine", cell.engine, ENGINES)
    for name in cell.options:
        if name not in (known := (*baseline.options, "layers")):
            raise unknown(f"option of {cell.baseline}", name, known)
    backbone = backbones.get(cell.task, cell.backbone or None)
    if cell.recipe.channels_last and backbone.tokens:
        raise UsageError(f"{cell.task}: channels_last needs frames, and its input is tokens")
    return replace(cell, backbone=backbone.name)


def _why_not(cell: Cell) -> str | None:
    """Why a cell cannot exist: the task, the engine or the budget does not suit its baseline."""
    baseline = baselines.get(cell.baseline)
    backbone = backbones.get(cell.task, cell.backbone)
    reason = baseline.serves(cell.task, cell.backbone)
    if reason is not None:
        return reason
    try:
        if cell.build_budget is not None:
            width_for(baseline, baselines.get(cell.build_budget), backbone)
        if cell.engine in baseline.engines and cell.engine != "native":
            with torch.random.fork_rng(devices=[]), torch.device("meta"):
                baseline.fill(backbone, cell.engine)
    except plugins.PluginError:
        raise
    except UsageError as error:
        return str(error)
    if cell.options and cell.baseline in baselines.BASELINES:
        _check_options(cell)
    return None


def _check_options(cell: Cell) -> None:
    """UsageError for a value that a network of this suite cannot be built with."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            baselines.build(cell.baseline, cell.task, cell.backbone, cell.engine, **cell.options)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        given = ", ".join(f"{name} = {value}" for name, value in cell.options.items())
        raise UsageError(f"{cell.baseline} on {cell.task} with {given[:200]}: {error}") from error


def _named(cell: Cell) -> dict[str, str]:
    return {key: str(getattr(cell, key)) for key in FILTERS}


def check_data(plan: Plan, data_dir: str | None) -> None:
    """Refuse what cannot work before anything runs: a missing folder, a wrong data option."""
    checked: set[str] = set()
    for cell in plan.training:
        task = tasks.get(cell.task)
        task.check(cell.data, cell.backbone)
        if cell.task not in checked and not task.embedded:
            data_folder(task, data_dir)
        checked.add(cell.task)


def check_memory(plan: Plan) -> None:
    """Refuse a cell that this machine could not even hold alone."""
    total = total_memory()
    for cell in plan.all_cells():
        if cell.memory > total:
            raise UsageError(
                f"{cell.label} may take {cell.memory:g} GiB (`memory` of its group) and this "
                f"machine has {total:.1f}: run it on a larger one"
            )
