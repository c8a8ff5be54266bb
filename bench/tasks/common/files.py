"""What is there of a data set, and whether it is the official one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.checksums import Memo
from liafbench.bench.tasks.common.task import DataFile, Extracted, Source, Task

PRESENT, PARTIAL, UNOFFICIAL, CORRUPT, ABSENT = (
    "present", "partial", "unofficial", "corrupt", "absent",
)  # fmt: skip


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
    try:
        return _check_files(task, folder)
    except OSError as error:  # a folder that may not be looked into says nothing of other tasks
        reason = f"{error.filename or folder}: cannot be read: {error.strerror}"
        return TaskState(task.name, CORRUPT, reason, task.size)


def _check_files(task: Task, folder: Path) -> TaskState:
    with Memo() as memo:
        found = _overall([check_part(task, file, folder, memo) for file in task.files])
        others = [(n, [check_file(f, folder, memo) for f in e]) for n, e in task.editions.items()]
    packed = [file for file in task.downloads if (folder / file.path).exists()]
    if found.state in (ABSENT, PARTIAL) and packed:
        found = Found(PARTIAL, joined(filter(None, (_packed(packed[0], task), found.detail))))
    for name, files in others:
        other = _overall(files)
        if other.state == ABSENT:
            continue
        detail = f"{name} is {other.state}{other.detail and f' ({other.detail})'}"
        if found.state == ABSENT:
            found = Found(other.state, detail)
        else:
            found = Found(found.state, joined(filter(None, (found.detail, detail))))
    detail = found.detail if found.state != ABSENT else task.how_to_get
    return TaskState(task.name, found.state, detail, task.size)


def check_part(task: Task, file: DataFile, folder: Path, memo: Memo) -> Found:
    """The state of one official file, or of the extracted folder that stands for it."""
    for extracted in task.extracted:
        if extracted.archive == file.path:
            found = check_extracted(extracted, folder)
            if found.state != ABSENT:
                return found
    found = check_file(file, folder, memo)
    if found.state == PRESENT and file.unpacked_bound:
        return Found(
            PARTIAL, f"{file.path} is not unpacked: run `liafbench data fetch {task.name}`"
        )
    return found


def _packed(file: DataFile, task: Task) -> str:
    return f"{file.path} is not unpacked: run `liafbench data fetch {task.name}`"


def check_file(file: DataFile, folder: Path, memo: Memo) -> Found:
    """Whether a file is there and has the official checksum, where one is published."""
    for path in (folder / file.path, *(folder / other for other in file.also)):
        if path.exists():
            return compare(file, path, memo)
    return Found(ABSENT, f"{file.path} is missing")


def compare(file: DataFile, path: Path, memo: Memo) -> Found:
    """Whether what lies at a path has the checksum of the official file."""
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
    return Found(UNOFFICIAL, f"{path.name}: {algorithm} is {found}, expected {expected}")


def check_extracted(extracted: Extracted, folder: Path) -> Found:
    """Whether an extracted folder has every file it should, under its own name."""
    try:
        found, expected = extracted.count(folder)
    except UsageError as error:
        return Found(CORRUPT, str(error))
    if not found:
        return Found(ABSENT)
    lacking = f"{extracted.name} has {found} of {expected} files"
    return Found(PRESENT) if found == expected else Found(PARTIAL, lacking)


def official(source: Source, paths: Iterable[Path]) -> str:
    """A note that names those of the files read that are not the official ones, "" for none.

    A path whose official checksum is not known passes. UsageError, with the checksums found and
    expected, unless unofficial files are allowed.
    """
    known = {
        source.folder / place: file
        for file in source.task.files
        for place in (file.path, *file.also)
    }
    with Memo() as memo:
        states = {path: compare(known[path], path, memo) for path in paths if path in known}
    broken = [state.detail for state in states.values() if state.state == CORRUPT]
    if broken:
        raise UsageError(f"{source.task.name}: {joined(broken)}")
    others = {path: state.detail for path, state in states.items() if state.state == UNOFFICIAL}
    if others and not source.allow_unofficial:
        raise UsageError(
            f"{source.task.name}: not the official file in {next(iter(others)).parent}: "
            f"{joined(others.values())}; allow unofficial files to use it as it is "
            "(allow_unofficial = true)"
        )
    return f"not the official file: {joined(p.name for p in others)}" if others else ""


def _overall(parts: list[Found]) -> Found:
    """The state of a set from those of its files: the worst, partial where some are absent."""
    states = {part.state for part in parts}
    worst = next((s for s in (CORRUPT, UNOFFICIAL) if s in states), None)
    state = worst or (states.pop() if len(states) == 1 else PARTIAL)
    parts = sorted(parts, key=lambda part: part.state != state)  # what decides it is named first
    shown = [p.detail for p in parts if p.detail and (state != PRESENT or p.state == PRESENT)]
    return Found(state, joined(shown))


def joined(details: Iterable[str], most: int = 4) -> str:
    """The first few details in one line, and how many more there are."""
    listed = list(details)
    more = f"; and {len(listed) - most} more" if len(listed) > most else ""
    return "; ".join(listed[:most]) + more
