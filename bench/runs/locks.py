"""Who is at work on which cell, for any number of processes that share one results folder."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liafbench.baselines.errors import UsageError

NAME = "claims.lock"
_REFUSED = (errno.EACCES, errno.EAGAIN)
_opened: dict[Path, int] = {}


class Locks:
    """Named locks of a folder, each one byte of `claims.lock`, locked by the operating system.

    A claim ends with the process that took it, however that ends: nothing has to be cleaned up
    and no server runs. Locks tell processes apart, not threads or runners of one process. A file a
    name would take an open file for each of the thousands of cells that a cluster has in work.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def take(self, name: str) -> bool:
        """Claim a name; False when another process has it."""
        try:
            self._lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _REFUSED:
                return False
            raise self._unlockable(error) from error
        return True

    def release(self, name: str) -> None:
        """Give a claim back; nothing happens to one that was not taken."""
        self._lock(name, fcntl.LOCK_UN)

    @contextmanager
    def waited_for(self, name: str) -> Iterator[None]:
        """Hold a claim; another holder is waited for."""
        try:
            self._lock(name, fcntl.LOCK_EX)
        except OSError as error:
            raise self._unlockable(error) from error
        try:
            yield
        finally:
            self.release(name)

    def _lock(self, name: str, operation: int) -> None:
        # Sixty bits of a hash: two names of one folder do not meet on one byte.
        place = int(hashlib.sha256(name.encode()).hexdigest()[:15], 16)
        fcntl.lockf(self._file(), operation, 1, place)

    def _file(self) -> int:
        """The lock file, opened once a process: closing it anywhere would let every claim go."""
        opened = _opened.get(self.path)
        if opened is not None and _is_at(opened, self.path):
            return opened
        # The folder may be another user's: a link is not followed, a FIFO not waited for.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        _opened[self.path] = os.open(self.path, flags, 0o644)
        return _opened[self.path]

    def _unlockable(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self.path}: cannot be locked: {error.strerror}; choose a folder with --out on a "
            "file system that has locks"
        )


def _is_at(handle: int, path: Path) -> bool:
    """Whether the file that was opened is still the one at the path."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
