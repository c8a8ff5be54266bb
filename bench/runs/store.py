"""The folder of run files: written whole or not at all, read by name, never executed."""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from pydantic import ValidationError

from liafbench.baselines.errors import UsageError
from liafbench.bench.runs.cells import numerics_version
from liafbench.bench.runs.records import COLUMNS, SCHEMA, Run

Stamp = tuple[int, int]
"""A run file at one moment: its time of change in ns and its inode."""

_CHECKSUM = re.compile(rb'\A\{\n "checksum": "([0-9a-f]{64})",\n')


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
            self.runs.mkdir(parents=True, exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)
            self.logs.mkdir(exist_ok=True)
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
        document = run.model_dump(by_alias=True, exclude={"checksum"})
        text = json.dumps(document, indent=1, allow_nan=False, sort_keys=True)
        with as_usage_error(self.path(run.run_id)):
            write_atomically(self.path(run.run_id), sealed((text + "\n").encode()))

    def write_plan(self, document: str) -> None:
        """Write plan.json, what the suite asks for now."""
        path = self.folder / "plan.json"
        with as_usage_error(path):
            write_atomically(path, (document + "\n").encode())

    def save_weights(self, run_id: str, state: dict[str, torch.Tensor]) -> None:
        """Write a checkpoint (weights only), whole or not at all."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.save_checkpoint(run_id, buffer.getvalue())

    def save_checkpoint(self, run_id: str, content: bytes) -> None:
        """Write the bytes of a checkpoint that was made elsewhere, whole or not at all."""
        path = self.checkpoint(run_id)
        with as_usage_error(path):
            write_atomically(path, content)

    def log(self, run_id: str) -> Path:
        """Where the log of that run is, or will be."""
        return self.logs / f"{run_id}.log"

    def open_log(self, run_id: str) -> int:
        """A new log of that run, opened to be appended to."""
        path = self.log(run_id)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        with as_usage_error(path):
            self.logs.mkdir(parents=True, exist_ok=True)
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
        for path in sorted(self.runs.glob("*.json")):
            with contextlib.suppress(DamagedRun):
                yield read_run(path)

    def write_records(self) -> Path:
        """Rebuild records.csv from the finished runs that the suite still asks for."""
        path = self.folder / "records.csv"
        planned = self._planned()
        current = (r for r in self.all() if planned is None or r.run_id in planned)
        with as_usage_error(path):
            write_atomically(path, _records_csv(current).encode())
        return path

    def _planned(self) -> set[str] | None:
        """The run ids of plan.json; None where there is none."""
        path = self.folder / "plan.json"
        if not path.exists():
            return None
        try:
            return {cell["run_id"] for cell in json.loads(path.read_text())["cells"]}
        except (ValueError, KeyError, TypeError):  # torn; the next run writes it anew
            return None


class DamagedRun(ValueError):
    """A run file that is torn, edited by hand, or of an unknown schema."""


class NewerRun(DamagedRun):
    """A run file of a later version of this program: nothing is wrong with it."""


def read_run(path: Path) -> Run:
    """Read one run file. Raises DamagedRun naming the file and what is wrong with it.

    Schema 1 is read as it is: it has the fields of schema 2 but for the checksum.
    """
    content = path.read_bytes()
    try:
        run = Run.model_validate_json(content)
    except ValidationError as error:
        raise _damage(path, content, error) from error
    if run.schema_version > SCHEMA:
        raise _newer(path, run.schema_version)
    if run.schema_version > 1 and not _is_sealed(content):
        raise DamagedRun(
            f"{path}: edited by hand: its checksum does not fit; restore the file, or "
            "run the suite again"
        )
    if run.run_id != path.stem:
        raise DamagedRun(f"{path}: holds run {run.run_id!r}; a run file is named after its run")
    return run


def _damage(path: Path, content: bytes, error: ValidationError) -> DamagedRun:
    try:
        document = json.loads(content)
    except ValueError as torn:
        return DamagedRun(f"{path}: not a whole run file: {torn}")
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        return _newer(path, schema)
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return DamagedRun(f"{path}: " + f"{where}: {first['msg']}".removeprefix(": "))


def _newer(path: Path, schema: int) -> NewerRun:
    return NewerRun(
        f"{path}: schema {schema}, this version reads up to {SCHEMA}: update liafbench, or delete "
        "the file and run the suite again"
    )


def sealed(text: bytes) -> bytes:
    """The text of a run file, sorted by key, with the SHA-256 of the rest as its first field."""
    head, rest = text[:2], text[2:]
    if head != b"{\n":
        raise ValueError("not the text of a run file")
    return head + f' "checksum": "{hashlib.sha256(text).hexdigest()}",\n'.encode() + rest


def _is_sealed(content: bytes) -> bool:
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")  # as a checkout on Windows has it
    found = _CHECKSUM.match(content)
    if found is None:
        return False
    return hashlib.sha256(b"{\n" + content[found.end() :]).hexdigest().encode() == found[1]


def _free_name(path: Path) -> Path:
    """The path, or the path with a number when something is there already."""
    names = (path, *(path.with_name(f"{path.name}-{n}") for n in range(2, 1000)))
    return next(name for name in names if not name.exists())


def is_stale(run: Run) -> bool:
    """Whether the run was made before the last fix that changed numbers."""
    return run.config.get("numerics_version") != numerics_version(run.config)


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
    path = path.resolve()  # a link stays, and what it points to is replaced
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
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
def as_usage_error(path: Path) -> Iterator[None]:
    """Turn a disk's refusal into one line that says what to do."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        advice = "choose a folder you can write to with --out"
        if disk_is_full(error):
            advice = "free some space and start again: what is finished is kept"
        raise UsageError(f"{path}: cannot be written: {what}; {advice}") from error


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that there is no room: of the disk, not a cell."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False
