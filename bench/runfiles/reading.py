"""The boundary: the one place where run files and plans are opened.

A file is read only where it is regular (no link, folder, FIFO, socket or device), readable, and
below a size; what comes out is a checked model, or an error in one line. Nothing that a file names
is opened, imported or run. Its text cannot act on who prints it: control and bidirectional
characters come out as their escapes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from liafbench.bench.runfiles.model import PLAN, SCHEMA, Plan, Run

RUN_BYTES = 16 * 2**20
PLAN_BYTES = 256 * 2**20
KINDS = (
    (stat.S_ISLNK, "a link, which is not followed"), (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"), (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)  # fmt: skip
SHOWN = 300  # characters of a reason
_UNUSUAL = re.compile(rb"\\[ubfr]")
_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_CHECKSUM = re.compile(rb'\A\{\n "checksum": "([0-9a-f]{64})",\n')


@dataclass(frozen=True)
class Finding:
    """An entry of a results folder that could not be used, and why."""

    path: Path
    reason: str

    @property
    def name(self) -> str:
        """The name of the entry as it may be shown."""
        return printable(self.path.name)


class Unreadable(ValueError):
    """An entry that is no regular, readable file of a bounded size; the reason alone."""


class DamagedRun(ValueError):
    """A run file that is torn, edited by hand, or of another schema."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


class NewerRun(DamagedRun):
    """A run file of a later version of this program: nothing is wrong with it."""


def read_bytes(path: Path, limit: int) -> bytes:
    """A regular file's content. Raises FileNotFoundError, or Unreadable for anything else."""
    try:
        _check_kind(os.lstat(path).st_mode)
        # Between the two calls the entry may have become another: neither wait nor follow.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            state = os.fstat(handle)
            _check_kind(state.st_mode)
            if state.st_size <= limit:
                content = file.read(limit + 1)
                if len(content) <= limit:
                    return content
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from error
    raise Unreadable(f"larger than {limit / 2**20:.0f} MiB")


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in KINDS if is_kind(mode)), "something else")
        raise Unreadable(f"not a regular file but {kind}")


def run_paths(folder: Path) -> list[Path]:
    """Every entry named like a run file in a folder's `runs`, by name; hidden ones apart."""
    with os.scandir(folder / "runs") as entries:
        names = [e.name for e in entries if e.name.endswith(".json") and e.name[0] != "."]
    return [folder / "runs" / name for name in sorted(names)]


def read_run(path: Path) -> Run:
    """Read one run file. Raises FileNotFoundError, or DamagedRun with file and reason."""
    try:
        content = read_bytes(path, RUN_BYTES)
        run = Run.model_validate_json(printable_json(content), strict=True)
    except Unreadable as error:
        raise DamagedRun(path, str(error)) from error
    except ValidationError as error:
        newer = _later_schema(content)
        if newer is not None:
            raise NewerRun(
                path,
                f"schema {newer}, this version reads up to {SCHEMA}: update liafbench, or delete "
                "the file and run the suite again",
            ) from error
        raise DamagedRun(path, _reason(error, "run file")) from error
    if not is_sealed(content):
        reason = "edited by hand: its checksum does not fit; restore the file, or run the "
        raise DamagedRun(path, reason + "suite again")
    if run.run_id != path.stem:
        raise DamagedRun(path, f"holds run {run.run_id!r}; a run file is named after its run")
    return run


def read_plan(folder: Path) -> Plan | None:
    """The plan of a `<suite>/<machine>` folder; None where there is none.

    Raises Unreadable, which says what is wrong and that the plan is not used.
    """
    advice = "the plan is not used, run the suite again to write it"
    try:
        return Plan.model_validate_json(
            printable_json(read_bytes(folder / PLAN, PLAN_BYTES)), strict=True
        )
    except FileNotFoundError:
        return None
    except Unreadable as error:
        raise Unreadable(f"{error}; {advice}") from error
    except ValidationError as error:
        raise Unreadable(f"{_reason(error, 'plan')}; {advice}") from error


def printable_json(content: bytes) -> bytes:
    """The same document with the texts that hold control characters escaped."""
    # Nothing to look at where there is neither an escape nor a character beyond ASCII.
    if (
        content.isascii()
        and b"\x7f" not in content
        and (b"\\" not in content or not _UNUSUAL.search(content))
    ):
        return content
    try:
        return json.dumps(_printable(json.loads(content))).encode()
    except (ValueError, RecursionError):
        return content  # no whole document: the model says why


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {printable(key): _printable(each) for key, each in value.items()}
    return value


def printable(text: str) -> str:
    """Text in which nothing acts: control, bidirectional, separating and lone code points escaped.

    Lines stay lines.
    """
    return _ACTIVE.sub(lambda found: ascii(found[0])[1:-1], text)


def _later_schema(content: bytes) -> int | None:
    try:
        document = from_json(content)
    except ValueError:
        return None
    schema = document.get("schema") if isinstance(document, dict) else None
    return schema if type(schema) is int and SCHEMA < schema < 2**31 else None


def _reason(error: ValidationError, what: str) -> str:
    """The first thing wrong, in one bounded line: the field and what it should be."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part)[:80] for part in first["loc"])
    if first["type"] == "json_invalid":
        return f"not a whole {what}: {first['msg']}"[:SHOWN]
    return f"{where}: {first['msg']}".removeprefix(": ")[:SHOWN]


def is_sealed(content: bytes) -> bool:
    """Whether the checksum of a run file fits the rest of it."""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")  # as a checkout on Windows has it
    found = _CHECKSUM.match(content)
    if found is None:
        return False
    digest = hashlib.sha256(b"{\n")
    digest.update(memoryview(content)[found.end() :])
    return digest.hexdigest().encode() == found[1]
