"""Every table of a results folder, written from its run files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.claims import claims_frame, items_frame, judge
from liafbench.bench.results import Problem, Results, find_folders, read, settle
from liafbench.bench.results.published import published_text
from liafbench.bench.runfiles import write_atomically
from liafbench.bench.runs.store import Store
from liafbench.bench.tables.accuracy import accuracy, groups
from liafbench.bench.tables.choose import choose_columns, choose_rows
from liafbench.bench.tables.comparison import cost_columns, everything, main_columns
from liafbench.bench.tables.published import against_published
from liafbench.bench.tables.render import FORMATS, render
from liafbench.bench.tables.unfinished import unfinished
from liafbench.bench.timing.sweeps import SUITE as THROUGHPUT
from liafbench.bench.timing.table import throughput_table


@dataclass
class Written:
    """The files that were written and the run files that could not be read."""

    paths: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_records(folder: Path) -> Results:
    """Records and runs of every `<suite>/<machine>` folder in (or at) `folder`."""
    return read(find_folders(folder))


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
    settled = []
    for folder in folders:
        raw = read([folder])
        written.problems += raw.problems
        if raw.runs.empty and raw.plan.empty and not raw.problems:
            continue
        if set(raw.runs["suite"]) == {THROUGHPUT}:
            frame = throughput_table(run.document() for run in Store(folder).all())
            written.paths += _write(frame, folder / "tables" / THROUGHPUT, formats, None)
            continue
        results = choose_rows(settle(raw), tasks, baselines)
        settled.append(results)
        for name, frame in machine_tables(results, columns).items():
            written.paths += _write(frame, folder / "tables" / name, formats, columns)
    whole = not (columns or tasks or baselines)
    if whole and settled and all(folder.parent.parent == root for folder in folders):
        written.paths += _write_claims(root, joined(settled), formats)
    return written


def joined(parts: Sequence[Results]) -> Results:
    """Settled results of several folders as one."""
    return Results(
        pd.concat([part.records for part in parts], ignore_index=True),
        pd.concat([part.runs for part in parts], ignore_index=True),
        [problem for part in parts for problem in part.problems],
    )


def _write_claims(root: Path, results: Results, formats: Sequence[str]) -> list[Path]:
    """The claims, judged on all suites together, and the published figures they stand beside."""
    judgements = judge(results)
    folder = root / "claims" / "tables"
    frames = {
        "claims": claims_frame(judgements, results),
        "claims-by-task": items_frame(judgements, results),
        "published": against_published(results),
    }
    paths = []
    for name, frame in frames.items():
        paths += _write(frame, folder / name, formats, None)
    return [*paths, _write_text(root / "published.csv", published_text())]


def machine_tables(
    results: Results, columns: Sequence[str] | None = None
) -> dict[str, pd.DataFrame]:
    """The tables of one suite on one machine, by file name."""
    whole = everything(results)
    frames = {
        "comparison": choose_columns(whole, columns) if columns else main_columns(whole),
        "accuracy": accuracy(results),
        "cost": cost_columns(whole),
        "groups": groups(results),
        "unfinished": unfinished(results),
    }
    return {name: frame for name, frame in frames.items() if frame is not None}


def _write(
    frame: pd.DataFrame, stem: Path, formats: Sequence[str], columns: Sequence[str] | None
) -> list[Path]:
    paths = []
    for form in formats:
        path = stem.with_name(f"{stem.name}.{form}")
        paths.append(_write_text(path, render(frame, form, columns)))
    return paths


def _write_text(path: Path, text: str) -> Path:
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return path
