"""Checksums of files: what a run was made from, and whether a file is the official one."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from liafbench.bench.events.reading import CHUNK, opened

FOLDER_VARIABLE = "LIAFBENCH_CACHE"
SETTLED_S = 3  # a file younger than this may still change within its time stamp
KEY_BYTES = 32


def cache_folder() -> Path:
    """LIAFBENCH_CACHE, or liafbench in the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "liafbench"


def file_checksum(path: Path, algorithm: str = "sha256", start: int = 0) -> str:
    """Hexadecimal checksum of a file from byte `start` on, read in pieces."""
    digest = hashlib.new(algorithm)
    with opened(path) as file:
        file.seek(start)
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def combined(checksums: Iterable[tuple[str, str]]) -> str:
    """One SHA-256 for many (name, checksum) pairs, whatever their order."""
    lines = sorted(f"{checksum}  {name}" for name, checksum in checksums)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Seal:
    """Signs what is kept in a cache folder, with a key in that folder that its owner alone reads.

    Without such a key nothing is signed, and nothing that is found there is valid.
    """

    def __init__(self, folder: Path) -> None:
        self._key = self._made_or_read(folder / "key")

    def of(self, text: str) -> str:
        """The signature of a text; empty without a key."""
        return blake2b(text.encode(), key=self._key).hexdigest() if self._key else ""

    def fits(self, text: str, signature: object) -> bool:
        return bool(self._key) and hmac.compare_digest(self.of(text), str(signature))

    @staticmethod
    def _made_or_read(path: Path) -> bytes:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
        for _ in range(20):  # another process may be writing it
            with suppress(OSError):
                handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
                with os.fdopen(handle, "rb") as file:
                    status = os.fstat(handle)
                    own = status.st_uid == os.getuid() and not status.st_mode & 0o077
                    if not (own and stat.S_ISREG(status.st_mode)):
                        return b""
                    if status.st_size == KEY_BYTES:
                        return file.read(KEY_BYTES)
            time.sleep(0.01)
        return b""


class Memo:
    """Checksums remembered beside the frame cache, by path, size, time of change and inode.

    Every row is signed. Without a folder that can be written, every checksum is computed again.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.known: sqlite3.Connection | None = None
        folder = cache_folder() if folder is None else folder
        self._seal = Seal(folder)
        path = folder / "checksums.sqlite"
        if path.exists() and not path.is_file():
            return
        with suppress(OSError, sqlite3.Error):
            self.known = sqlite3.connect(path, timeout=30)
            self.known.execute(
                "CREATE TABLE IF NOT EXISTS signed "
                "(file TEXT PRIMARY KEY, checksum TEXT, signature TEXT)"
            )

    def __enter__(self) -> Memo:
        return self

    def __exit__(self, *_: object) -> None:
        if self.known is not None:
            with suppress(sqlite3.Error):
                self.known.commit()
            self.known.close()

    def checksum(self, path: Path, algorithm: str = "sha256", start: int = 0) -> str:
        """As `file_checksum`, from memory where the file is unchanged."""
        try:
            status = os.stat(path)
        except OSError:
            return file_checksum(path, algorithm, start)
        else:
            mark = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
            file = f"{algorithm} {start} {mark} {os.path.abspath(path)}"
            if found := self._look_up(file):
                return found
            checksum = file_checksum(path, algorithm, start)
            if time.time() - status.st_ctime > SETTLED_S:
                self._remember(file, checksum)
            return checksum

    def _look_up(self, file: str) -> str | None:
        if self.known is None:
            return None
        query = "SELECT checksum, signature FROM signed WHERE file = ?"
        try:
            row = self.known.execute(query, (file,)).fetchone()
        except sqlite3.Error:
            return None
        return row[0] if row and self._seal.fits(f"{row[0]} {file}", row[1]) else None

    def _remember(self, file: str, checksum: str) -> None:
        signature = self._seal.of(f"{checksum} {file}")
        with suppress(sqlite3.Error):
            if self.known is not None and signature:
                row = (file, checksum, signature)
                self.known.execute("INSERT OR REPLACE INTO signed VALUES (?, ?, ?)", row)
