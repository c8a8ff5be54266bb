"""Results folders read into frames: a row per record, per run and per planned cell."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import pandas as pd

from liafbench.baselines.errors import UsageError
from liafbench.bench.runfiles import (
    PLAN,
    Config,
    DamagedRun,
    Finding,
    HealthFinding,
    Plan,
    Run,
    Unreadable,
    printable,
    read_plan,
    read_run,
    run_paths,
)
from liafbench.bench.suites.schema import Recipe

CELL = ["suite", "machine", "task", "backbone", "data", "budget", "baseline", "options", "engine"]
"""What makes two runs seeds of one table row."""
RUN_COLUMNS = (
    "run_id", "suite", "machine", "kind", "task", "backbone", "data", "engine", "budget",
    "baseline", "options", "seed", "ended", "reason", "stale", "recipe", "partial", "commit",
    "numerics", "device", "kernel", "started", "health", "correct", "samples", "rate", "code",
    "reference", "timing",
)  # fmt: skip
RECORD_COLUMNS = (
    "run_id", "suite", "machine", "task", "backbone", "data", "engine", "budget", "baseline",
    "options", "seed", "metric", "value", "unit", "n", "spread",
)  # fmt: skip
PLAN_COLUMNS = (
    "suite", "machine", "run_id", "kind", "task", "backbone", "baseline", "engine", "budget",
    "seed", "data", "options",
)  # fmt: skip
TYPES = {"seed": "Int64", "value": "float64", "n": "int64", "spread": "float64"}
NOT_OF_THE_RECIPE = ("learning_rate",)
"""What tuning chooses for each baseline; everything else of a recipe is shared by a task."""


def no_plan() -> pd.DataFrame:
    """A plan without cells: what a folder without plan.json has."""
    return pd.DataFrame(columns=list(PLAN_COLUMNS)).astype({"seed": "Int64"})


@dataclass(frozen=True)
class Results:
    """What a results folder holds: a row per record and run, and what could not be used.

    `plan` has a row per cell that the suite files ask for; no rows of a folder without a plan.
    `stored` has the runs themselves, folder by folder.
    """

    records: pd.DataFrame
    runs: pd.DataFrame
    findings: list[Finding] = field(default_factory=list)
    plan: pd.DataFrame = field(default_factory=no_plan)
    stored: dict[Path, list[Run]] = field(default_factory=dict)


def find_folders(root: Path) -> list[Path]:
    """The folders below `root` (itself, its children or grandchildren) that hold run files.

    Links below `root` are not followed.
    """
    if not root.is_dir():
        raise UsageError(
            f"{root}: no such results folder; `liafbench run SUITE --out DIR` makes one"
        )
    level, found = [root], []
    for _ in range(3):
        found += [folder for folder in level if _is_folder(folder / "runs")]
        level = [below for folder in level for below in _children(folder)]
    if not found:
        raise UsageError(f"{root}: no run files (*/runs/*.json) in this folder or two levels below")
    return sorted(found)


def _children(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):  # a folder that may not be read holds nothing for us
        return [path for path in folder.iterdir() if _is_folder(path)]
    return []


def _is_folder(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.is_dir() and not path.is_symlink()
    return False


def read(folders: Iterable[Path]) -> Results:
    """Read every run file of the given `<suite>/<machine>` folders."""
    with _uncollected():
        return _read(folders)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection, which would walk ever more rows and find nothing to free.

    What was read stays until the end: no later collection walks it either.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def _read(folders: Iterable[Path]) -> Results:
    records: list[tuple[Any, ...]] = []
    runs: list[tuple[Any, ...]] = []
    plans: list[tuple[Any, ...]] = []
    findings: list[Finding] = []
    stored: dict[Path, list[Run]] = {}
    for folder in sorted(folders):
        machine = printable(folder.resolve().name)
        try:
            plans += _plan_rows(read_plan(folder), machine)
        except Unreadable as error:
            findings.append(Finding(folder / PLAN, str(error)))
        try:
            paths = run_paths(folder)
        except OSError as error:
            paths = []
            findings.append(Finding(folder / "runs", f"cannot be read: {error.strerror}"))
        for path in paths:
            try:
                run = read_run(path)
            except FileNotFoundError:  # removed meanwhile
                continue
            except DamagedRun as error:
                findings.append(Finding(path, error.reason))
                continue
            stored.setdefault(folder, []).append(run)
            runs.append(_run_row(run, machine))
            records += _record_rows(run, machine)
    return Results(
        pd.DataFrame.from_records(records, columns=list(RECORD_COLUMNS)).astype(TYPES),
        pd.DataFrame.from_records(runs, columns=list(RUN_COLUMNS)).astype({"seed": "Int64"}),
        findings,
        pd.DataFrame.from_records(plans, columns=list(PLAN_COLUMNS)).astype({"seed": "Int64"}),
        stored,
    )


def _plan_rows(plan: Plan | None, machine: str) -> list[tuple[Any, ...]]:
    return [
        (
            plan.suite, machine, cell.run_id, cell.kind, cell.task, cell.backbone, cell.baseline,
            cell.engine, cell.budget, cell.seed,
            None if cell.data is None else option_line(cell.data),
            None if cell.options is None else option_line(cell.options),
        )
        for cell in plan.cells
    ] if plan else []  # fmt: skip


def _run_row(run: Run, machine: str) -> tuple[Any, ...]:
    config, source = run.config, run.provenance
    return (
        run.run_id, run.suite, machine, run.kind, config.task, config.backbone,
        option_line(config.data), config.engine, config.budget, config.baseline,
        option_line(config.options), config.seed, run.status, run.reason or "", run.is_stale,
        shared_recipe(config.recipe), _partial(run), ", ".join(source.commits),
        config.numerics_version, source.device or "", source.kernels, run.started,
        _remarks(run), bytes.fromhex(run.predictions.correct),
        run.predictions.n, str(config.recipe.get("learning_rate", "")),
        json.dumps(config.code, sort_keys=True), config.budget_reference or "",
        _timing(run.kind, config, source.threads),
    )  # fmt: skip


def _record_rows(run: Run, machine: str) -> list[tuple[Any, ...]]:
    head = (run.run_id, run.suite, machine)
    data, options = option_line(run.config.data), option_line(run.config.options)
    return [
        (
            *head, each.task, each.backbone, data, each.engine, each.budget, each.baseline, options,
            each.seed, each.metric, each.value, each.unit, each.n, each.spread,
        )
        for each in run.records
    ]  # fmt: skip


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


def option_line(options: dict[str, Any]) -> str:
    """Options in one canonical line: `contrast=1.2, limit=10000`."""
    return ", ".join(f"{key}={value}" for key, value in sorted(options.items()))


def _timing(kind: str, config: Config, n: int | None) -> str:
    """On what speeds were measured, for a timing run that says so."""
    batch = config.measure.get("timing_batch")
    if kind != "time" or batch is None:
        return ""
    threads = "" if n is None else f", {n} thread" + "s" * (n != 1)
    return f"batch {batch}{threads}"


def _partial(run: Run) -> str:
    """Why the data is not the whole official set, after which of both it is; empty when it is."""
    data = run.provenance.data
    kinds = [kind for kind in ("partial", "unofficial") if getattr(data, kind)]
    if kinds:
        return f"{' and '.join(kinds)} data: {data.note or 'part of the data set'}"
    limit = run.config.data.get("limit")
    return "" if limit is None else f"partial data: limited to {limit} samples"


def _remarks(run: Run) -> tuple[str, ...]:
    """What a reader of the run's numbers should know of it."""
    return (
        *(_said(each) for each in run.health),
        *(f"{name} not measured: {reason}" for name, reason in run.unmeasured.items()),
        *(f"counts: {finding}" for finding in run.findings),
        *(["counts: elementwise, flops and energy by an older rule"] * run.counts_are_old),
    )


def _said(finding: HealthFinding) -> str:
    value = finding.value
    number = f" {value:.3g}" if isinstance(value, int | float) else ""
    return f"{finding.layer}: {finding.what}{number}"


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dictionaries, with plain types."""
    names = [str(name) for name in frame.columns]
    columns = (frame[name].tolist() for name in frame.columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def blocks(
    frame: pd.DataFrame, keys: Sequence[str], *, sort: bool = True
) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """The parts of a frame that agree in `keys`, each with its key."""
    for key, part in frame.groupby(list(keys), sort=sort):
        yield dict(zip(keys, cast("tuple[str, ...]", key), strict=True)), part


def widen(long: pd.DataFrame, index: Sequence[str], name: str) -> pd.DataFrame:
    """One row per `index`; per value of column `name` its mean, `_std` and what else there is.

    The columns of `long` beside index and name become `<value>_<column>`, `mean` plain `<value>`.
    """
    table = cast(pd.DataFrame, long.set_index([*index, name]).unstack(name))
    pairs = cast("list[tuple[str, str]]", list(table.columns))
    table.columns = pd.Index(
        [value if part == "mean" else f"{value}_{part}" for part, value in pairs]
    )
    return table
