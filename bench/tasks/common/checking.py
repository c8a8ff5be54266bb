"""What is there of every data set: present, partial, corrupt or absent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks.common.checksums import Memo
from liafbench.bench.tasks.common.task import DataFile, Extracted, Task

PRESENT, PARTIAL, CORRUPT, ABSENT = "present", "partial", "corrupt", "absent"


class TaskState(NamedTuple):
    """A task's files on disk; `expected_size` in bytes, None where it is not available."""

    task: str
    state: str
    detail: str
    expected_size: int | None


class Found(NamedTuple):
    """The state of one file or extracted folder."""

    state: str
    detail: str = ""


def check_task(task: Task, data_dir: Path) -> TaskState:
    """The state of one task's files below the data folder."""
    if task.embedded:
        return TaskState(task.name, PRESENT, "embedded", 0)
    folder = data_dir / task.folder
    with Memo() as memo:
        found = [check_part(task, file, folder, memo) for file in task.files]
    state = _overall([part.state for part in found], task.one_of)
    parts = [part for part in found if part.detail and (state != PRESENT or part.state == PRESENT)]
    detail = joined(part.detail for part in parts) if state != ABSENT else task.how_to_get
    return TaskState(task.name, state, detail, task.size)


def check_part(task: Task, file: DataFile, folder: Path, memo: Memo) -> Found:
    """The state of one official file, or of the extracted folder that stands for it."""
    for extracted in task.extracted:
        if extracted.archive == file.path and (folder / extracted.folder).is_dir():
            found = check_extracted(extracted, folder)
            if found.state != ABSENT:
                return found
    for path in (folder / file.path, *(folder / other for other in file.also)):
        if path.exists():
            return check_file(file, path, memo)
    return Found(ABSENT, f"{file.path} is missing")


def check_file(file: DataFile, path: Path, memo: Memo) -> Found:
    """Whether a file has the official checksum, where one is known and it is the official file."""
    algorithm, expected = file.checksum
    if path.suffix != Path(file.path).suffix:
        algorithm, expected = "sha256", file.unpacked_sha256
        if expected is None:
            return Found(PRESENT, f"{path.name}: uncompressed, no checksum to compare")
    try:
        found = memo.checksum(path, algorithm)
    except UsageError as error:
        return Found(CORRUPT, str(error))
    if expected is None or found == expected:
        return Found(PRESENT)
    return Found(CORRUPT, f"{path.name}: {algorithm} is {found}, expected {expected}")


def check_extracted(extracted: Extracted, folder: Path) -> Found:
    """Whether an extracted folder has as many files as it should, of a possible size."""
    base = folder / extracted.folder
    paths = [path for path in base.glob(extracted.pattern) if path.is_file()]
    if not paths:
        return Found(ABSENT)
    for path in paths:
        size = path.stat().st_size
        if size == 0 or size % extracted.record_bytes:
            return Found(CORRUPT, f"{path} has {size} bytes, records have {extracted.record_bytes}")
        if extracted.file_bytes and size != extracted.file_bytes:
            return Found(CORRUPT, f"{path} has {size} bytes, expected {extracted.file_bytes}")
    name = extracted.folder if extracted.folder != "." else folder.name
    lacking = [f"{len(paths)} of {extracted.count} files"] if len(paths) < extracted.count else []
    for pattern, count in extracted.beside.items():
        found = sum(path.is_file() for path in base.glob(pattern))
        lacking += [f"{found} of {count} {pattern}"] if found < count else []
    return Found(PARTIAL, f"{name} has {', '.join(lacking)}") if lacking else Found(PRESENT)


def _overall(states: list[str], one_of: bool) -> str:
    if one_of:  # the first that is there is what would be read
        return next((state for state in states if state != ABSENT), ABSENT)
    if CORRUPT in states:
        return CORRUPT
    if len(set(states)) == 1:
        return states[0]
    return PARTIAL


def joined(details: Iterable[str], most: int = 4) -> str:
    """The first few details in one line, and how many more there are."""
    listed = list(details)
    more = f"; and {len(listed) - most} more" if len(listed) > most else ""
    return "; ".join(listed[:most]) + more
