"""Every table of a results folder, written from its run files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.results import Results, find_folders, labels, load, read, select, within_budget
from liafbench.bench.results.published import published_text
from liafbench.bench.runfiles import Finding, write_atomically
from liafbench.bench.tables.accuracy import accuracy, groups
from liafbench.bench.tables.comparison import (
    chosen,
    cost_columns,
    everything,
    main_columns,
    unfinished,
)
from liafbench.bench.tables.published import against_published
from liafbench.bench.tables.render import FORMATS, render
from liafbench.bench.tables.table import MetricsTable, Table

THROUGHPUT = "throughput"
"""The suite whose points have a table of their own."""


@dataclass
class Written:
    """The files that were written and the entries that could not be used."""

    paths: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_records(folder: Path) -> Results:
    """Records and runs of every `<suite>/<machine>` folder in (or at) `folder`."""
    return load(folder)


def write_tables(
    results_dir: Path,
    formats: Sequence[str] = FORMATS,
    columns: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
) -> list[Path]:
    """Write the tables of a results folder; the paths written, in order."""
    return write_all(results_dir, formats, columns, tasks, baselines).paths


def write_all(
    results_dir: Path,
    formats: Sequence[str] = FORMATS,
    columns: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
) -> Written:
    """Write `<suite>/<machine>/tables/*`; the same run files give the same bytes.

    The throughput suite has one table of its own, whole whatever rows are chosen.

    For the root of all suites, and without a choice of rows or columns, the claims too.
    """
    for form in formats:
        if form not in FORMATS:
            raise unknown("format", form, FORMATS)
    written = Written()
    folders = find_folders(root := Path(results_dir))
    parts = []
    for folder in folders:
        raw = read([folder])
        written.findings += raw.findings
        if raw.runs.empty and raw.plan.empty and not raw.findings:
            continue
        if set(raw.runs["suite"]) == {THROUGHPUT}:
            # Timing needs torch, which no other table does.
            from liafbench.bench.timing.table import throughput_table

            tables = {THROUGHPUT: throughput_table(run.document() for run in raw.stored[folder])}
            written.paths += _write(tables, folder / "tables", root, formats)
            continue
        results = choose_rows(select(raw), tasks, baselines)
        parts.append(results)
        tables = machine_tables(results, columns)
        written.paths += _write(tables, folder / "tables", root, formats, columns)
    whole = not (columns or tasks or baselines)
    if whole and parts and all(folder.parent.parent == root for folder in folders):
        written.paths += _write_claims(root, joined(parts), formats)
    return written


def joined(parts: Sequence[Results]) -> Results:
    """Selected results of several folders as one."""
    return Results(
        pd.concat([part.records for part in parts], ignore_index=True),
        pd.concat([part.runs for part in parts], ignore_index=True),
        [finding for part in parts for finding in part.findings],
    )


def _write_claims(root: Path, results: Results, formats: Sequence[str]) -> list[Path]:
    """The claims, judged on all suites together, and the published figures they stand beside."""
    from liafbench.bench.claims import claims_table, items_table, judge

    judgements = judge(results)
    tables: dict[str, Table] = {
        "claims": claims_table(judgements, results),
        "claims-by-task": items_table(judgements, results),
        "published": against_published(results),
    }
    paths = _write(tables, root / "claims" / "tables", root, formats)
    return [*paths, _write_text(root / "published.csv", published_text(), root)]


def machine_tables(results: Results, columns: Sequence[str] | None = None) -> dict[str, Table]:
    """The tables of one suite on one machine, by file name."""
    within = within_budget(results)
    whole = everything(within)
    tables: dict[str, Table | None] = {
        "comparison": choose_columns(whole, columns) if columns else main_columns(whole),
        "accuracy": accuracy(within),
        "cost": cost_columns(whole),
        "groups": groups(within),
        "unfinished": unfinished(results),
    }
    return {name: table for name, table in tables.items() if table is not None}


def _write(
    tables: dict[str, Table], folder: Path, root: Path, formats: Sequence[str],
    columns: Sequence[str] | None = None,
) -> list[Path]:  # fmt: skip
    return [
        _write_text(folder / f"{name}.{form}", render(table, form, columns), root)
        for name, table in tables.items()
        for form in formats
    ]


def _write_text(path: Path, text: str, root: Path) -> Path:
    try:
        write_atomically(path, text.encode(), below=root)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def choose_rows(
    results: Results, tasks: Sequence[str] | None, baselines: Sequence[str] | None
) -> Results:
    """Selected results of these tasks (`babi` means its twenty) and baselines only.

    Raises UsageError for unknown labels.
    """
    records, runs = results.records, results.runs
    if tasks:
        known = set(records["task"]) | set(runs["task"])
        wanted = _expanded(tasks, known)
        records, runs = records[records["task"].isin(wanted)], runs[runs["task"].isin(wanted)]
    if baselines:
        trained = set(runs.loc[runs["kind"] != "time", "baseline"])
        known = set(records["baseline"]) | trained
        _check("baseline", baselines, known)
        records = records[records["baseline"].isin(baselines)]
        runs = runs[runs["baseline"].isin(baselines) | (runs["kind"] == "time")]
    return replace(results, records=records, runs=runs)


def choose_columns(table: MetricsTable, metrics: Sequence[str]) -> MetricsTable:
    """Only these metrics of a table of everything, in the order asked for."""
    _check("column", metrics, table.metrics)
    return chosen(table, metrics, "Comparison", "comparison")


def _expanded(tasks: Sequence[str], known: set[str]) -> set[str]:
    if labels.FAMILY in tasks and labels.FAMILY not in known:
        tasks = [task for task in tasks if task != labels.FAMILY]
        tasks += [task for task in labels.FAMILY_TASKS if task in known]
    _check("task", tasks, known)
    return set(tasks)


def _check(kind: str, asked: Sequence[str], known: Sequence[str] | set[str]) -> None:
    for name in asked:
        if name not in known:
            raise unknown(kind, name, known)
