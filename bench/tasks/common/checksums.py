"""Checksums of files: what a run was made from, and whether a file is the official one."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from liafbench.bench.events.cache import cache_folder
from liafbench.bench.tasks.common.reading import CHUNK, opened

SETTLED_S = 3  # a file younger than this may still change within its time stamp


def file_checksum(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal checksum of a file, read in pieces."""
    digest = hashlib.new(algorithm)
    with opened(path) as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def combined(checksums: Iterable[tuple[str, str]]) -> str:
    """One SHA-256 for many (name, checksum) pairs, whatever their order."""
    lines = sorted(f"{checksum}  {name}" for name, checksum in checksums)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Memo:
    """Checksums remembered beside the frame cache, by path, size, time of change and inode.

    Without a folder that can be written, every checksum is computed anew.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.known: sqlite3.Connection | None = None
        folder = cache_folder() if folder is None else folder
        with suppress(OSError, sqlite3.Error):
            folder.mkdir(parents=True, exist_ok=True)
            self.known = sqlite3.connect(folder / "checksums.sqlite", timeout=30)
            self.known.execute(
                "CREATE TABLE IF NOT EXISTS checksums (file TEXT PRIMARY KEY, checksum TEXT)"
            )

    def __enter__(self) -> Memo:
        return self

    def __exit__(self, *_: object) -> None:
        if self.known is not None:
            with suppress(sqlite3.Error):
                self.known.commit()
            self.known.close()

    def checksum(self, path: Path, algorithm: str = "sha256") -> str:
        """As `file_checksum`, from memory where the file is unchanged."""
        with suppress(OSError):
            status = os.stat(path)
            mark = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
            file = f"{algorithm} {mark} {path.absolute()}"
            return self._look_up(file) or self._remember(file, path, algorithm, status.st_ctime)
        return file_checksum(path, algorithm)

    def _look_up(self, file: str) -> str | None:
        with suppress(sqlite3.Error):
            if self.known is not None:
                query = "SELECT checksum FROM checksums WHERE file = ?"
                row = self.known.execute(query, (file,)).fetchone()
                return row[0] if row else None
        return None

    def _remember(self, file: str, path: Path, algorithm: str, changed: float) -> str:
        checksum = file_checksum(path, algorithm)
        with suppress(sqlite3.Error):
            if self.known is not None and time.time() - changed > SETTLED_S:
                row = (file, checksum)
                self.known.execute("INSERT OR REPLACE INTO checksums VALUES (?, ?)", row)
        return checksum
