"""The folder of run files: written whole or not at all, read by name, never executed."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from liafbench.baselines.errors import UsageError
from liafbench.bench.runfiles import (
    COLUMNS,
    DamagedRun,
    NewerRun,
    Run,
    Unreadable,
    as_usage_error,
    check_writable,
    read_plan,
    read_run,
    run_paths,
    sealed,
    write_atomically,
)
from liafbench.bench.runfiles.writing import refuse_links

Stamp = tuple[int, int]
"""A run file at one moment: its time of change in ns and its inode."""


class Store:
    """Run files, checkpoints and records of one suite on one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.checkpoints = folder / "checkpoints"
        self.logs = folder / "logs"
        self._damaged: list[str] = []

    def prepare(self) -> None:
        """Make the folders; one clear line when that, or writing into them, is not possible."""
        with as_usage_error(self.folder):
            refuse_links(self.runs / "file", self.folder.parent.parent)
            self.runs.mkdir(parents=True, exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)
            self.logs.mkdir(exist_ok=True)
        check_writable(self.runs)

    def _put(self, path: Path, content: bytes) -> None:
        """Write below the results folder, of which this one is `<suite>/<machine>`."""
        write_atomically(path, content, below=self.folder.parent.parent)

    def path(self, run_id: str) -> Path:
        """Where the run file of that id is, or will be."""
        return self.runs / f"{run_id}.json"

    def checkpoint(self, run_id: str) -> Path:
        """Where the weights of that run are, or will be."""
        return self.checkpoints / f"{run_id}.pt"

    def write(self, run: Run) -> None:
        """Write one run file, whole or not at all."""
        text = json.dumps(run.document(), indent=1, allow_nan=False, sort_keys=True)
        with as_usage_error(self.path(run.run_id)):
            self._put(self.path(run.run_id), sealed((text + "\n").encode()))

    def write_plan(self, document: str) -> None:
        """Write plan.json, what the suite asks for now."""
        path = self.folder / "plan.json"
        with as_usage_error(path):
            self._put(path, (document + "\n").encode())

    def save_weights(self, run_id: str, state: dict[str, torch.Tensor]) -> None:
        """Write a checkpoint (weights only), whole or not at all."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.save_checkpoint(run_id, buffer.getvalue())

    def save_checkpoint(self, run_id: str, content: bytes) -> None:
        """Write the bytes of a checkpoint that was made elsewhere, whole or not at all."""
        path = self.checkpoint(run_id)
        with as_usage_error(path):
            self._put(path, content)

    def log(self, run_id: str) -> Path:
        """Where the log of that run is, or will be."""
        return self.logs / f"{run_id}.log"

    def open_log(self, run_id: str) -> int:
        """A new log of that run, opened to be appended to; a file there before is another's."""
        path = self.log(run_id)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        with as_usage_error(path):
            refuse_links(self.logs, self.folder.parent.parent)
            self.logs.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            return os.open(path, flags, 0o644)

    def forget_weights(self, run_id: str) -> None:
        """Remove the checkpoint of that run, if there is one."""
        with as_usage_error(self.checkpoint(run_id)):
            self.checkpoint(run_id).unlink(missing_ok=True)

    def sweep(self, run_id: str) -> None:
        """Remove what a killed writer of that run has left; only for who has claimed the run."""
        for folder in (self.runs, self.checkpoints):
            for left in folder.glob(f".{run_id}.*.tmp"):
                left.unlink(missing_ok=True)

    def stamp(self, run_id: str) -> Stamp | None:
        """The state of that run's file; None when there is none."""
        try:
            state = self.path(run_id).stat()
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_ino

    def read(self, run_id: str) -> Run | None:
        """The run of that id, None when there is none; a damaged file is set aside first."""
        path = self.path(run_id)
        try:
            return read_run(path)
        except FileNotFoundError:
            return None
        except NewerRun as error:
            raise UsageError(str(error)) from error
        except DamagedRun as error:
            aside = _free_name(path.with_suffix(".json.damaged"))
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                path.rename(aside)
                self._damaged.append(f"{error}; set aside as {aside.name}")
            return None

    def newly_damaged(self) -> list[str]:
        """What `read` has set aside since this was last called."""
        found, self._damaged = self._damaged, []
        return found

    def all(self) -> Iterator[Run]:
        """Every readable run of the folder, by id; damaged files are for `damaged` to name."""
        for path in run_paths(self.folder):
            with contextlib.suppress(DamagedRun):
                yield read_run(path)

    def write_records(self) -> Path:
        """Rebuild records.csv from the finished runs that the suite still asks for."""
        path = self.folder / "records.csv"
        planned = self._planned()
        current = (r for r in self.all() if planned is None or r.run_id in planned)
        with as_usage_error(path):
            self._put(path, _records_csv(current).encode())
        return path

    def _planned(self) -> set[str] | None:
        """The run ids of plan.json; None where there is none, or a damaged one."""
        with contextlib.suppress(Unreadable):
            plan = read_plan(self.folder)
            return None if plan is None else {cell.run_id for cell in plan.cells}
        return None


def _free_name(path: Path) -> Path:
    """The path, or the path with a number when something is there already."""
    names = (path, *(path.with_name(f"{path.name}-{n}") for n in range(2, 1000)))
    return next(name for name in names if not name.exists())


def _records_csv(runs: Iterable[Run]) -> str:
    rows = [
        {"run_id": run.run_id, "suite": run.suite, **asdict(record)}
        for run in runs
        if run.status == "done" and run.kind != "tune" and not run.is_stale
        for record in run.records
    ]
    rows.sort(key=lambda row: tuple(str(row[column]) for column in COLUMNS if column != "value"))
    lines = _Lines()
    writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return "".join(lines)


class _Lines(list[str]):
    """A list that a csv writer can write into."""

    write = list.append
