"""Frames on disk, so that recordings are read and binned once.

An entry's key is made of the checksum of the files, the transform and the code that makes the
frames, so that no change of any of them reads old frames. An entry is written under a name of its
own and then renamed: it is whole or absent, and two processes may write the same one at once.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np

import liafbench.bench.events
from liafbench.baselines.errors import UsageError
from liafbench.bench.events.checksums import (
    FOLDER_VARIABLE,
    Memo,
    Seal,
    cache_folder,
    file_checksum,
)
from liafbench.bench.events.reading import open_regular

BOUND_VARIABLE = "LIAFBENCH_CACHE_GB"
DEFAULT_BOUND_GB = 20.0
ABANDONED_S = 24 * 3600
USED_S = 3600  # how fine the order of use is
ENDING = ".frames"
HEADER_BYTES = 4096  # JSON, padded with blanks; the cells follow
KINDS = {size: np.dtype(f"<u{size}") for size in (1, 2, 4, 8)}
CHUNK = 1 << 20
Maker = Callable[[Counter[str]], Iterable[np.ndarray]]


def cache_bound() -> int:
    """The most bytes the cache may hold: LIAFBENCH_CACHE_GB, 20 by default."""
    text = os.environ.get(BOUND_VARIABLE, str(DEFAULT_BOUND_GB))
    try:
        bound = float(text)
    except ValueError:
        bound = -1
    if not 0 <= bound < float("inf"):
        raise UsageError(f"{BOUND_VARIABLE} is {text!r}; it must be a number of gigabytes")
    return int(bound * 1e9)


def code_version(*files: str) -> str:
    """Checksum of the code of this package and of the given source files."""
    digest = hashlib.sha256()
    own = sorted(Path(liafbench.bench.events.__path__[0]).glob("*.py"))
    for path in (*own, *map(Path, files)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Entry:
    """Frames [N, T, C, H, W] mapped from disk, and what was repaired while they were made."""

    frames: np.ndarray
    repairs: Counter[str]


class FrameCache:
    """Entries in a folder of at most `bound` bytes; the least recently used go first."""

    def __init__(self, folder: Path | None = None, bound: int | None = None) -> None:
        self.folder = cache_folder() if folder is None else folder
        self.bound = cache_bound() if bound is None else bound

    def get(self, key: object, shape: tuple[int, ...], make: Maker) -> Entry:
        """The entry of a key, of the shape [N, T, C, H, W]; made if it is not there.

        An entry is used if its signature and the checksum of its frames fit, else made again.
        """
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        entry = self._read(name, shape)
        if entry is None:
            with self._faults():
                entry = self._write(name, shape, make)
        return entry

    def clear(self) -> int:
        """Remove every entry; the number of bytes that were freed."""
        files = self._files()
        freed = sum(status.st_size for _, status in files)
        for path, _ in files:
            path.unlink(missing_ok=True)
        return freed

    def _read(self, name: str, shape: tuple[int, ...]) -> Entry | None:
        path = self.folder / f"{name}{ENDING}"
        try:
            with open_regular(path) as file:
                header = json.loads(file.read(HEADER_BYTES))
                status = os.fstat(file.fileno())
            kind, repairs = KINDS[int(header["bytes"])], Counter(dict(header["repairs"]))
            content = header.pop("content")
            if status.st_size != HEADER_BYTES + math.prod(shape) * kind.itemsize:
                return None
            if not Seal(self.folder).fits(_said(name, shape, header, content), header["seal"]):
                return None
            with Memo(self.folder) as memo:
                if memo.checksum(path, start=HEADER_BYTES) != content:
                    return None
        except (UsageError, OSError, ValueError, KeyError, TypeError, RecursionError):
            return None  # absent, or damaged: made again
        if time.time() - status.st_mtime > USED_S:
            with suppress(OSError):  # a folder that can only be read
                os.utime(path)
        return Entry(np.memmap(path, kind, "r", HEADER_BYTES, shape), repairs)

    def _write(self, name: str, shape: tuple[int, ...], make: Maker) -> Entry:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_room(math.prod(shape))
        own = self.folder / f"{name}.{uuid4().hex}.tmp"
        path = self.folder / f"{name}{ENDING}"
        try:
            kind, repairs = _write_frames(own, shape, make)
            header: dict[str, Any] = {"bytes": kind.itemsize, "repairs": repairs}
            content = file_checksum(own, start=HEADER_BYTES)
            header["seal"] = Seal(self.folder).of(_said(name, shape, header, content))
            with own.open("r+b") as file:
                file.write(json.dumps(header | {"content": content}).encode().ljust(HEADER_BYTES))
            self._make_room(own.stat().st_size, spare=own)
            own.replace(path)
            return Entry(np.memmap(path, kind, "r", HEADER_BYTES, shape), repairs)
        finally:
            own.unlink(missing_ok=True)

    def _make_room(self, needed: int, spare: Path | None = None) -> None:
        if needed > self.bound:
            raise UsageError(
                f"these frames need {needed / 1e9:.3g} GB, the cache {self.folder} may hold "
                f"{self.bound / 1e9:.3g} GB: raise {BOUND_VARIABLE}"
            )
        abandoned = time.time() - ABANDONED_S
        files = sorted(self._files(), key=lambda file: file[1].st_mtime)
        total = sum(status.st_size for path, status in files if path != spare)
        for path, status in files:
            left_behind = path.suffix == ".tmp" and status.st_mtime < abandoned
            if left_behind or (path.suffix == ENDING and total + needed > self.bound):
                path.unlink(missing_ok=True)
                total -= status.st_size

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        files = []
        for path in self.folder.glob("*"):
            if path.suffix in (ENDING, ".tmp") and len(path.name.split(".")[0]) == 64:
                with suppress(FileNotFoundError):  # another process was faster
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode):
                        files.append((path, status))
        return files

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"cannot write the frame cache {self.folder}: {error.strerror}; "
                f"{FOLDER_VARIABLE} names another folder"
            ) from error


def _said(name: str, shape: tuple[int, ...], header: dict[str, Any], content: str) -> str:
    """What is signed of an entry."""
    kept = {key: header[key] for key in ("bytes", "repairs")}
    return json.dumps([name, shape, kept, content], sort_keys=True)


def _write_frames(path: Path, shape: tuple[int, ...], make: Maker) -> tuple[np.dtype, Counter[str]]:
    """Write frames behind an empty header, in the smallest type that holds them."""
    repairs: Counter[str] = Counter()
    kind, written = KINDS[1], 0
    # Not a memory map: on a full disk a write to one ends the process, this one raises.
    file = _begin(path)
    try:
        for chunk in make(repairs):
            most = int(chunk.max(initial=0))
            needed = next(k for k in KINDS.values() if most <= np.iinfo(k).max)
            if needed.itemsize > kind.itemsize:
                file.close()
                file, kind = _widened(path, kind, needed), needed
            file.write(np.ascontiguousarray(chunk, dtype=kind).data)
            written += chunk.size
        if written != math.prod(shape):
            raise ValueError(f"{written} frame cells were made, {math.prod(shape)} were announced")
        return kind, repairs
    finally:
        file.close()


def _begin(path: Path) -> BinaryIO:
    file = path.open("w+b")
    file.write(bytes(HEADER_BYTES))
    return file


def _widened(path: Path, old: np.dtype, new: np.dtype) -> BinaryIO:
    """The file begun again with a wider type and the cells that are in it."""
    before = path.with_suffix(".narrow.tmp")
    path.replace(before)
    try:
        file = _begin(path)
        with before.open("rb") as narrow:
            narrow.seek(HEADER_BYTES)
            while piece := narrow.read(CHUNK):
                file.write(np.frombuffer(piece, old).astype(new).data)
    finally:
        before.unlink()
    return file
