"""The folder that compiled variants are kept in, and what of it is fit to be loaded.

A library that is loaded runs. So a file is taken only where nobody but this user (or root) could
have written it, and only whole: its name ends in a checksum of its content, so that one rename
puts both in place.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import platformdirs

MOST_BYTES = 64 * 2**20
ENDING = ".so"
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_folder() -> Path:
    """Where compiled variants lie, by the conventions of the platform."""
    return Path(platformdirs.user_cache_path("liafbench")) / "kernels"


def prepare(folder: Path) -> str | None:
    """Make the folder, for this user alone; why it cannot be used, or None when it can."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in (folder, folder.parent):
            reason = _not_ours(each.lstat(), stat.S_IFDIR)
            if reason is not None:
                return f"{each} {reason}"
    except OSError as error:
        return f"{folder} cannot be used: {error.strerror}"
    return None


def find(folder: Path, key: str) -> Iterator[Path]:
    """The whole libraries of a key; whatever else has such a name is removed."""
    for path in sorted(folder.glob(f"{key}-*{ENDING}")):
        if _is_whole(path):
            yield path
        else:
            remove(path)


def keep(folder: Path, key: str, made: Path) -> Path:
    """Move a library into the folder, under its key and checksum. Raises OSError."""
    made.chmod(0o700)
    path = folder / f"{key}-{_checksum(made.read_bytes())}{ENDING}"
    os.replace(made, path)
    return path


def remove(path: Path) -> None:
    """Remove a file that cannot be used; what cannot be removed stays and is not loaded."""
    with suppress(OSError):
        path.unlink()


def _is_whole(path: Path) -> bool:
    content = _read(path)
    digest = path.name.removesuffix(ENDING).rpartition("-")[2]
    return content is not None and _checksum(content) == digest


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _read(path: Path) -> bytes | None:
    """The content of a regular file that is this user's; None for anything else."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        state = os.fstat(handle)
        if _not_ours(state, stat.S_IFREG) or state.st_size > MOST_BYTES:
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MOST_BYTES)
    except OSError:
        return None
    finally:
        os.close(handle)


def _not_ours(state: os.stat_result, kind: int) -> str | None:
    """Why something is not of this kind and this user's alone; None when it is."""
    if stat.S_IFMT(state.st_mode) != kind:
        return "is not a folder" if kind == stat.S_IFDIR else "is not a regular file"
    if state.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    if state.st_mode & OTHERS_MAY_WRITE:
        return "can be written by others: chmod go-w makes it yours alone"
    return None
