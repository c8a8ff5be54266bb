"""Official files from their mirrors: checked, whole or not at all, a local file first."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.checksums import Memo
from liafbench.bench.tasks.common.files import (
    ABSENT,
    PRESENT,
    check_extracted,
    check_task,
    compare,
)
from liafbench.bench.tasks.common.tars import unpack
from liafbench.bench.tasks.common.task import DataFile, Task

TIMEOUT_S = 60


def fetch_task(task: Task, data_dir: Path, progress: Any = None) -> list[Path]:
    """Download what is missing of a task and unpack what must be; the files that were made.

    `progress` is an object as pooch's `progressbar` wants it. UsageError if a local file is
    corrupt, if every mirror fails, or if the files must be got by hand.
    """
    if check_task(task, data_dir).state == PRESENT:
        return []
    folder = data_dir / task.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}") from error
    made = []
    for file in task.downloads or task.files:
        if _extracted(task, file, folder):
            continue
        path = folder / file.path
        if not path.exists():
            if not file.urls:
                raise UsageError(f"{task.name}: no mirror is known; {task.how_to_get}")
            _download(task, file, path, progress)
            made.append(path)
        with Memo() as memo:
            found = compare(file, path, memo)
        if found.state != PRESENT:
            raise UsageError(
                f"{task.name} in {folder}: {found.detail}; remove it to fetch it again"
            )
        if file.unpacked_bound:
            unpack(path, folder, file.unpacked_bound)
            made.append(folder)
    state = check_task(task, data_dir)
    if state.state != PRESENT:
        raise UsageError(f"{task.name} in {folder} is {state.state}: {state.detail}")
    return made


def _extracted(task: Task, file: DataFile, folder: Path) -> bool:
    """Whether an archive is there as a folder; UsageError if only part of it is.

    What is there of a zip wins over the zip, so that fetching it would change nothing.
    """
    for extracted in task.extracted:
        if extracted.archive == file.path:
            found = check_extracted(extracted, folder)
            if found.state == PRESENT:
                return True
            if found.state != ABSENT and not file.unpacked_bound:
                raise UsageError(
                    f"{task.name} in {folder}: {found.detail}; use it as a partial set, or move "
                    f"{extracted.name} away to fetch the whole"
                )
    return False


def _download(task: Task, file: DataFile, path: Path, progress: Any) -> None:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    algorithm, checksum = file.checksum
    reasons = []
    for url in file.urls:
        try:
            # It loads into a file of another name, compares, and only then renames.
            pooch.retrieve(
                url,
                f"{algorithm}:{checksum}" if checksum else None,
                fname=path.name,
                path=path.parent,
                downloader=pooch.HTTPDownloader(progressbar=progress or False, timeout=TIMEOUT_S),
            )
            return
        except (OSError, ValueError) as error:
            reasons.append(f"{url}: {str(error).splitlines()[0]}")
    raise UsageError(
        f"{task.name}: cannot fetch {file.path} ({'; '.join(reasons)}); {task.how_to_get}"
    )
