"""Every table of a results folder, written from its run files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from baselines.errors import UsageError, unknown
from bench.results import Problem, Results, find_folders, read, settle
from bench.runs.store import write_atomically
from bench.tables.accuracy import accuracy, groups
from bench.tables.choose import choose_columns, choose_rows
from bench.tables.comparison import comparison, cost, everything
from bench.tables.render import FORMATS, render
from bench.tables.unfinished import unfinished


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
    """Write `<suite>/<machine>/tables/*`; the same run files give the same bytes."""
    for form in formats:
        if form not in FORMATS:
            raise unknown("format", form, FORMATS)
    written = Written()
    for folder in find_folders(Path(results_dir)):
        raw = read([folder])
        written.problems += raw.problems
        if raw.runs.empty and not raw.problems:
            continue
        results = settle(choose_rows(raw, tasks, baselines))
        for name, frame in machine_tables(results, columns).items():
            written.paths += _write(frame, folder / "tables" / name, formats, columns)
    return written


def machine_tables(
    results: Results, columns: Sequence[str] | None = None
) -> dict[str, pd.DataFrame]:
    """The tables of one suite on one machine, by file name."""
    whole = everything(results) if columns else comparison(results)
    frames = {
        "comparison": choose_columns(whole, columns),
        "accuracy": accuracy(results),
        "cost": cost(results),
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
        try:
            write_atomically(path, render(frame, form, columns).encode())
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
        paths.append(path)
    return paths
