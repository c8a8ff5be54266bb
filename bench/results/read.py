"""Run files to two frames. A damaged file is named and left out; it never stops the others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from baselines.errors import UsageError
from bench.runs.records import Run
from bench.runs.store import DamagedRun, is_stale, read_run

RUN_COLUMNS = (
    "run_id", "suite", "machine", "kind", "task", "backbone", "data", "engine", "budget",
    "baseline", "options", "seed", "status", "reason", "stale", "recipe", "partial", "commit",
    "numerics", "device", "kernel", "started", "health", "correct", "samples",
)  # fmt: skip
RECORD_COLUMNS = (
    "run_id", "suite", "machine", "task", "backbone", "data", "engine", "budget", "baseline",
    "options", "seed", "metric", "value", "unit", "n", "spread",
)  # fmt: skip
TYPES = {"seed": "Int64", "value": "float64", "n": "int64", "spread": "float64"}
NOT_OF_THE_RECIPE = ("learning_rate",)
"""What tuning chooses for each baseline; everything else of a recipe is shared by a task."""


@dataclass(frozen=True)
class Problem:
    """A file that could not be used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Results:
    """What a results folder holds: one row per record, one row per run, unusable files."""

    records: pd.DataFrame
    runs: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)


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
    records: list[tuple[Any, ...]] = []
    runs: list[tuple[Any, ...]] = []
    problems: list[Problem] = []
    for folder in sorted(folders):
        machine = folder.resolve().name
        for path in sorted((folder / "runs").glob("*.json")):
            try:
                run = read_run(path)
            except DamagedRun as error:
                problems.append(Problem(path, str(error).removeprefix(f"{path}: ")))
                continue
            runs.append(_run_row(run, machine))
            records.extend(_record_rows(run, machine))
    return Results(
        pd.DataFrame.from_records(records, columns=list(RECORD_COLUMNS)).astype(TYPES),
        pd.DataFrame.from_records(runs, columns=list(RUN_COLUMNS)).astype({"seed": "Int64"}),
        problems,
    )


def _run_row(run: Run, machine: str) -> tuple[Any, ...]:
    config, source = run.config, run.provenance
    recipe = dict(config.get("recipe") or {})
    for key in NOT_OF_THE_RECIPE:
        recipe.pop(key, None)
    correct = run.predictions.get("correct")
    return (
        run.run_id, run.suite, machine, run.kind, config.get("task", ""),
        config.get("backbone", ""), _options(config.get("data")), config.get("engine", ""),
        config.get("budget", ""), "+".join(config.get("baselines", [])),
        _options(config.get("options")), config.get("seed"), run.status, run.reason or "",
        is_stale(run), json.dumps(recipe, sort_keys=True), _partial(source.get("data") or {}),
        source.get("commit") or "", config.get("numerics_version"), source.get("device") or "",
        source.get("kernel") or "", run.started,
        tuple(_finding(each) for each in run.health),
        bytes.fromhex(correct) if correct else b"", int(run.predictions.get("n", 0)),
    )  # fmt: skip


def _record_rows(run: Run, machine: str) -> list[tuple[Any, ...]]:
    data, options = _options(run.config.get("data")), _options(run.config.get("options"))
    return [
        (
            run.run_id, run.suite, machine, each.task, each.backbone, data, each.engine,
            each.budget, each.baseline, options, each.seed, each.metric, each.value, each.unit,
            each.n, each.spread,
        )
        for each in run.records
    ]  # fmt: skip


def _options(options: dict[str, Any] | None) -> str:
    """Options in one canonical line: `contrast=1.2, limit=10000`."""
    return ", ".join(f"{key}={value}" for key, value in sorted((options or {}).items()))


def _partial(data: dict[str, Any]) -> str:
    """Why the data is only a part of its data set; empty when it is whole."""
    if not data.get("partial"):
        return ""
    return str(data.get("note") or "part of the data set")


def _finding(finding: dict[str, Any]) -> str:
    value = finding.get("value")
    number = f" {value:.3g}" if isinstance(value, (int, float)) else ""
    return f"{finding.get('layer', '?')}: {finding.get('what', '?')}{number}"
