"""The folder of run files: written whole or not at all, read by name, never executed."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from pydantic import ValidationError

from baselines.errors import UsageError
from bench.runs.cells import NUMERICS_VERSION
from bench.runs.records import COLUMNS, SCHEMA, Run


class Store:
    """Run files, checkpoints and records of one suite on one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.checkpoints = folder / "checkpoints"

    def prepare(self) -> None:
        """Make the folders; one clear line when that, or writing into them, is not possible."""
        with _told_plainly(self.folder):
            self.runs.mkdir(parents=True, exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.runs, prefix=".", suffix=".probe"):
                pass

    def path(self, run_id: str) -> Path:
        """Where the run file of that id is, or will be."""
        return self.runs / f"{run_id}.json"

    def checkpoint(self, run_id: str) -> Path:
        """Where the weights of that run are, or will be."""
        return self.checkpoints / f"{run_id}.pt"

    def write(self, run: Run) -> None:
        """Write one run file, whole or not at all."""
        text = json.dumps(run.model_dump(by_alias=True), indent=1, allow_nan=False, sort_keys=True)
        with _told_plainly(self.path(run.run_id)):
            write_atomically(self.path(run.run_id), (text + "\n").encode())

    def write_plan(self, document: str) -> None:
        """Write plan.json, what the suite asks for now."""
        path = self.folder / "plan.json"
        with _told_plainly(path):
            write_atomically(path, (document + "\n").encode())

    def save_weights(self, run_id: str, state: dict[str, torch.Tensor]) -> None:
        """Write a checkpoint (weights only), whole or not at all."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.save_checkpoint(run_id, buffer.getvalue())

    def save_checkpoint(self, run_id: str, content: bytes) -> None:
        """Write the bytes of a checkpoint that was made elsewhere, whole or not at all."""
        path = self.checkpoint(run_id)
        with _told_plainly(path):
            write_atomically(path, content)

    def read(self, run_id: str) -> Run | None:
        """The run of that id, None when there is none; a damaged file is set aside first."""
        path = self.path(run_id)
        if not path.exists():
            return None
        try:
            return read_run(path)
        except DamagedRun:
            path.rename(path.with_suffix(".json.damaged"))
            return None

    def all(self) -> Iterator[Run]:
        """Every readable run of the folder, by id; damaged files are for `damaged` to name."""
        for path in sorted(self.runs.glob("*.json")):
            with contextlib.suppress(DamagedRun):
                yield read_run(path)

    def write_records(self) -> Path:
        """Rebuild records.csv from the finished runs that the suite still asks for."""
        path = self.folder / "records.csv"
        planned = self._planned()
        current = (r for r in self.all() if planned is None or r.run_id in planned)
        with _told_plainly(path):
            write_atomically(path, _records_csv(current).encode())
        return path

    def _planned(self) -> set[str] | None:
        """The run ids of plan.json; None where there is none."""
        path = self.folder / "plan.json"
        if not path.exists():
            return None
        return {cell["run_id"] for cell in json.loads(path.read_text())["cells"]}


class DamagedRun(ValueError):
    """A run file that is torn, edited by hand, or of another schema."""


def read_run(path: Path) -> Run:
    """Read one run file. Raises DamagedRun naming the file and what is wrong with it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, dict) and document.get("schema") != SCHEMA:
            raise DamagedRun(
                f"{path}: schema {document.get('schema')!r}, this version reads {SCHEMA}; "
                "delete the file and run the suite again"
            )
        run = Run.model_validate(document)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DamagedRun(f"{path}: not a whole run file: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DamagedRun(f"{path}: {where}: {first['msg']}") from error
    if run.run_id != path.stem:
        raise DamagedRun(f"{path}: holds run {run.run_id!r}; a run file is named after its run")
    return run


def is_stale(run: Run) -> bool:
    """Whether the run was made before the last fix that changed numbers."""
    return run.config.get("numerics_version") != NUMERICS_VERSION


def _records_csv(runs: Iterable[Run]) -> str:
    rows = [
        {"run_id": run.run_id, "suite": run.suite, **record.model_dump()}
        for run in runs
        if run.status == "done" and run.kind != "tune" and not is_stale(run)
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


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    """Turn a disk's refusal into one line that says what to do."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        advice = "choose a folder you can write to with --out"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "free some space and start again: what is finished is kept"
        raise UsageError(f"{path}: cannot be written: {what}; {advice}") from error
