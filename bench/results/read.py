"""Run files to two frames. A damaged file is named and left out; it never stops the others."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, Field, ValidationError

from liafbench.baselines.errors import UsageError
from liafbench.bench.results.plan import no_plan, option_line, read_plan
from liafbench.bench.runfiles import PLAN, DamagedRun, Run, Unreadable, read_run, run_paths
from liafbench.bench.suites import Recipe

RUN_COLUMNS = (
    "run_id", "suite", "machine", "kind", "task", "backbone", "data", "engine", "budget",
    "baseline", "options", "seed", "status", "reason", "stale", "recipe", "partial", "commit",
    "numerics", "device", "kernel", "started", "health", "correct", "samples", "rate", "code",
    "reference", "timing",
)  # fmt: skip
RECORD_COLUMNS = (
    "run_id", "suite", "machine", "task", "backbone", "data", "engine", "budget", "baseline",
    "options", "seed", "metric", "value", "unit", "n", "spread",
)  # fmt: skip
TYPES = {"seed": "Int64", "value": "float64", "n": "int64", "spread": "float64"}
NOT_OF_THE_RECIPE = ("learning_rate",)
"""What tuning chooses for each baseline; everything else of a recipe is shared by a task."""


class _Config(BaseModel):
    """What of a run's configuration the tables need."""

    task: str
    backbone: str = ""
    baselines: list[str]
    engine: str = ""
    budget: str = ""
    seed: int | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    code: dict[str, str] = Field(default_factory=dict)
    budget_reference: str | None = None
    numerics_version: int | None = None
    measure: dict[str, Any] = Field(default_factory=dict)


class _Predictions(BaseModel):
    """Which test samples were right."""

    correct: str = Field("", pattern=r"^([0-9a-f]{2})*$")
    n: int = 0


class _Source(BaseModel):
    """Where a run was made, and whether its data was whole."""

    commit: str | None = None
    device: str | None = None
    kernel: str | None = None
    kernel_fallbacks: list[str] = Field(default_factory=list)
    data: dict[str, Any] = Field(default_factory=dict)
    threads: int | None = None
    counted_again: _Source | None = None

    def kernels(self) -> str:
        """The neurons' kernel, and where a slower one had to stand in for it."""
        found = [self.kernel or "", *self.kernel_fallbacks]
        if self.counted_again is not None:
            found += [self.counted_again.kernel or "", *self.counted_again.kernel_fallbacks]
        return "; ".join(dict.fromkeys(found))

    def commits(self) -> str:
        """That of the run, and that of its counts where they were made later."""
        parts = (self, self.counted_again)
        return ", ".join(dict.fromkeys(each.commit for each in parts if each and each.commit))


@dataclass(frozen=True)
class Problem:
    """A file that could not be used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Results:
    """What a results folder holds: one row per record, one row per run, unusable files.

    `plan` has a row per cell that the suite files ask for; no rows of a folder without a plan.
    """

    records: pd.DataFrame
    runs: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    plan: pd.DataFrame = field(default_factory=no_plan)


def find_folders(root: Path) -> list[Path]:
    """The folders below `root` (itself, its children or grandchildren) that hold run files."""
    if not root.is_dir():
        raise UsageError(
            f"{root}: no such results folder; `liafbench run SUITE --out DIR` makes one"
        )
    found = [path.parent for depth in ("", "*/", "*/*/") for path in root.glob(f"{depth}runs")]
    folders = sorted(folder for folder in found if (folder / "runs").is_dir())
    if not folders:
        raise UsageError(f"{root}: no run files (*/runs/*.json) in this folder or two levels below")
    return folders


def read(folders: Iterable[Path]) -> Results:
    """Read every run file of the given `<suite>/<machine>` folders."""
    with _uncollected():
        return _read(folders)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection, which would walk ever more rows and find nothing to free."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _read(folders: Iterable[Path]) -> Results:
    records: list[tuple[Any, ...]] = []
    runs: list[tuple[Any, ...]] = []
    plans: list[pd.DataFrame] = []
    problems: list[Problem] = []
    for folder in sorted(folders):
        machine = folder.resolve().name
        try:
            plans.append(read_plan(folder))
        except Unreadable as error:
            problems.append(Problem(folder / PLAN, str(error)))
        for path in run_paths(folder):
            try:
                run = read_run(path)
                row, own = _run_row(run, machine), _record_rows(run, machine)
            except (DamagedRun, ValidationError) as error:
                problems.append(Problem(path, _reason(error, path)))
                continue
            runs.append(row)
            records.extend(own)
    return Results(
        pd.DataFrame.from_records(records, columns=list(RECORD_COLUMNS)).astype(TYPES),
        pd.DataFrame.from_records(runs, columns=list(RUN_COLUMNS)).astype({"seed": "Int64"}),
        problems,
        pd.concat([no_plan(), *plans], ignore_index=True),
    )


def _reason(error: DamagedRun | ValidationError, path: Path) -> str:
    if isinstance(error, DamagedRun):
        return str(error).removeprefix(f"{path}: ")
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _run_row(run: Run, machine: str) -> tuple[Any, ...]:
    config = _Config.model_validate(run.config.plain())
    source = _Source.model_validate(run.provenance.plain())
    predictions = _Predictions.model_validate(run.predictions.model_dump())
    return (
        run.run_id, run.suite, machine, run.kind, config.task, config.backbone,
        option_line(config.data), config.engine, config.budget, "+".join(config.baselines),
        option_line(config.options), config.seed, run.status, run.reason or "", run.is_stale,
        shared_recipe(config.recipe), _partial(config, source), source.commits(),
        config.numerics_version, source.device or "", source.kernels(), run.started,
        (
            *(_finding(each.model_dump()) for each in run.health),
            *(f"{name} not measured: {reason}" for name, reason in run.unmeasured.items()),
            *(f"counts: {finding}" for finding in run.findings),
        ),
        bytes.fromhex(predictions.correct),
        predictions.n, str(config.recipe.get("learning_rate", "")),
        json.dumps(config.code, sort_keys=True), config.budget_reference or "",
        _timing(run.kind, config, source),
    )  # fmt: skip


def shared_recipe(recipe: dict[str, Any]) -> str:
    """What of a recipe all baselines of a task share, as one text.

    Fields that an older run does not say are at their default, as in its id.
    """
    whole = _recipe_defaults() | recipe
    return json.dumps({k: whole[k] for k in sorted(whole) if k not in NOT_OF_THE_RECIPE})


@cache
def _recipe_defaults() -> dict[str, Any]:
    fields = Recipe.model_fields.items()
    return {name: field.get_default() for name, field in fields if not field.is_required()}


def _record_rows(run: Run, machine: str) -> list[tuple[Any, ...]]:
    data, options = option_line(run.config.data), option_line(run.config.options)
    return [
        (
            run.run_id, run.suite, machine, each.task, each.backbone, data, each.engine,
            each.budget, each.baseline, options, each.seed, each.metric, each.value, each.unit,
            each.n, each.spread,
        )
        for each in run.records
    ]  # fmt: skip


def _timing(kind: str, config: _Config, source: _Source) -> str:
    """On what speeds were measured, for a timing run that says so."""
    batch = config.measure.get("timing_batch")
    if kind != "time" or batch is None:
        return ""
    n = source.threads
    threads = "" if n is None else f", {n} thread" + "s" * (n != 1)
    return f"batch {batch}{threads}"


def _partial(config: _Config, source: _Source) -> str:
    """Why the data is not the whole official set, after which of both it is; empty when it is."""
    kinds = [kind for kind in ("partial", "unofficial") if source.data.get(kind)]
    if kinds:
        return f"{' and '.join(kinds)} data: {source.data.get('note') or 'part of the data set'}"
    limit = config.data.get("limit")
    return "" if limit is None else f"partial data: limited to {limit} samples"


def _finding(finding: dict[str, Any]) -> str:
    value = finding.get("value")
    number = f" {value:.3g}" if isinstance(value, (int, float)) else ""
    return f"{finding.get('layer', '?')}: {finding.get('what', '?')}{number}"
