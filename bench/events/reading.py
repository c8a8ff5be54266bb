"""Files read whole, within a bound, unchanged while they are read."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from liafbench.baselines.errors import UsageError

CHUNK = 1 << 20


def _mark(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class Steady:
    """An open file as it is now; `check` raises UsageError if its path or it has changed since."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.mark = _mark(os.fstat(file.fileno()))

    def check(self) -> None:
        try:
            now = os.stat(self.path)
        except OSError as error:
            raise UsageError(f"{self.path} vanished while it was read") from error
        if not (self.mark == _mark(now) == _mark(os.fstat(self.file.fileno()))):
            raise UsageError(f"{self.path} changed while it was read; read it again")


def open_regular(path: Path) -> BinaryIO:
    """An open file; UsageError if it cannot be read or is no regular file."""
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer that never comes.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UsageError(f"{path} is not a regular file")
    return os.fdopen(handle, "rb")


@contextmanager
def opened(path: Path, bound: int | None = None) -> Iterator[BinaryIO]:
    """An open regular file of at most `bound` bytes; UsageError if it changes meanwhile."""
    with open_regular(path) as file:
        steady = Steady(path, file)
        size = os.fstat(file.fileno()).st_size
        if bound is not None and size > bound:
            raise UsageError(f"{path} has {size} bytes, more than the {bound} it may have")
        yield file
        steady.check()


def read_file(path: Path, bound: int) -> bytes:
    """The bytes of a file of at most `bound` bytes."""
    with opened(path, bound) as file:
        return file.read(bound)


def read_text(path: Path, bound: int) -> str:
    """The text of a UTF-8 file of at most `bound` bytes."""
    try:
        return read_file(path, bound).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text: byte {error.start} is invalid") from error


def gunzip(path: Path, bound: int) -> bytes:
    """What a .gz file holds, at most `bound` bytes of it; more is an error (no gzip bomb)."""
    with opened(path) as file:
        inflate = zlib.decompressobj(wbits=31)
        try:
            out = inflate.decompress(file.read(bound), bound + 1)
        except zlib.error as error:
            raise UsageError(f"{path} is not a valid .gz file: {error}") from error
        if len(out) > bound:
            raise UsageError(f"{path} unpacks to more than the {bound} bytes it may have")
        if not inflate.eof:
            raise UsageError(f"{path} is truncated: the compressed data ends early")
        if inflate.unused_data or file.read(1):
            raise UsageError(f"{path} has bytes after the end of its compressed data")
    return out
