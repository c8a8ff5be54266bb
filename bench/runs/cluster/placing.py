"""Data on the nodes: read where the node sees it, otherwise copied there once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liafbench.baselines.errors import UsageError
from liafbench.bench import tasks
from liafbench.bench.events.cache import cache_folder
from liafbench.bench.tasks.common.task import base_folder, data_folder

CHUNK = 32 * 2**20
Read = Callable[[str, int], bytes]
"""(path below the data folder, offset) -> at most CHUNK bytes from there on."""


@dataclass(frozen=True)
class Listing:
    """The files of one task: path below the data folder, bytes, time of change in ns."""

    data_dir: str
    files: tuple[tuple[str, int, int], ...]

    @property
    def key(self) -> str:
        """Names the copy: other files are another copy."""
        return hashlib.sha256(json.dumps(self.files).encode()).hexdigest()[:16]


def list_files(task: str, data_dir: str | None) -> Listing | None:
    """What a task needs from the data folder; None for one that comes with the package."""
    found = tasks.get(task)
    if found.embedded:
        return None
    folder, base = data_folder(found, data_dir), Path(base_folder(data_dir)).resolve()
    files = []
    for path in sorted(folder.resolve().rglob("*")):
        if path.is_file():
            status = path.stat()
            files.append((str(path.relative_to(base)), status.st_size, status.st_mtime_ns))
    return Listing(str(base), tuple(files))


def read_chunk(data_dir: str, path: str, offset: int) -> bytes:
    """A piece of a file of the data folder, for a node that lacks it."""
    with (Path(data_dir) / path).open("rb") as file:
        file.seek(offset)
        return file.read(CHUNK)


def place(listing: Listing, read: Read) -> str:
    """The data folder of this node: the same path where it holds these files, else a copy.

    The copy is made once, by whichever cell of the node comes first; the others wait for it.
    """
    if _holds(Path(listing.data_dir), listing):
        return listing.data_dir
    folder = cache_folder() / "data" / listing.key
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for path, size, changed in listing.files:
                if not _is(folder / path, size, changed):
                    _copy(folder / path, path, size, changed, read)
    except OSError as error:
        raise UsageError(
            f"{folder}: the data cannot be placed there: {error.strerror or error}; "
            "name another folder with LIAFBENCH_CACHE, on that node"
        ) from error
    return str(folder)


def _holds(folder: Path, listing: Listing) -> bool:
    return all(_is(folder / path, size, changed) for path, size, changed in listing.files)


def _is(path: Path, size: int, changed: int) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (size, changed)


def _copy(target: Path, path: str, size: int, changed: int, read: Read) -> None:
    """Copy one file in pieces, so that no node holds a large one in memory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with part.open("wb") as file:
        while file.tell() < size:
            piece = read(path, file.tell())
            if not piece:
                raise UsageError(f"{path} became shorter while it was copied; start again")
            file.write(piece)
    os.utime(part, ns=(changed, changed))
    os.replace(part, target)
