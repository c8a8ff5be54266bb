"""Many small files read by name, from an extracted folder or straight from its zip archive.

What an archive says is not trusted: a member that would leave its folder, a link, a member
larger than its bound or too many members are errors, and nothing is written to disk.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, cast

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.checksums import Memo, combined, file_checksum
from liafbench.bench.events.reading import Steady, open_regular, read_file

MAX_MEMBERS = 200_000
MAX_DIRECTORY = 1 << 24  # some 6 MB for the 60,000 members of N-MNIST
INCREMENTAL = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # Python unpacks others without a bound


class Tree(Protocol):
    """Named files."""

    path: Path

    def names(self) -> list[str]:
        """Names of all files with the right ending, with "/" between folders, sorted."""

    def read(self, name: str, bound: int) -> bytes:
        """The bytes of one file, at most `bound`."""

    def size(self, name: str) -> int:
        """The bytes of one file, as the folder or the archive says."""

    def fingerprint(self, name: str) -> str:
        """The same for files of equal content, another one for others."""

    def checksum(self, names: list[str]) -> str:
        """One SHA-256 for these files."""


class Folder:
    """The files below an extracted folder. Linked folders are not entered."""

    def __init__(self, path: Path, ending: str) -> None:
        self.path, self.ending = path, ending
        self.sums: dict[str, str] = {}

    def names(self) -> list[str]:
        def fails(error: OSError) -> None:
            raise UsageError(f"cannot list {error.filename}: {error.strerror}") from error

        found = []
        for folder, _, files in os.walk(self.path, onerror=fails):
            found += [Path(folder, f) for f in files if f.endswith(self.ending)]
            if len(found) > MAX_MEMBERS:
                raise UsageError(f"{self.path} has more than {MAX_MEMBERS} files")
        return sorted(path.relative_to(self.path).as_posix() for path in found)

    def read(self, name: str, bound: int) -> bytes:
        return read_file(self.path / name, bound)

    def size(self, name: str) -> int:
        return (self.path / name).stat().st_size

    def fingerprint(self, name: str) -> str:
        if name not in self.sums:
            self.sums[name] = file_checksum(self.path / name)
        return self.sums[name]

    def checksum(self, names: list[str]) -> str:
        with Memo() as memo:
            self.sums |= {name: memo.checksum(self.path / name) for name in names}
        return combined((name, self.sums[name]) for name in names)


class _Pieces:
    """An open file that is never read in pieces larger than the directory of a zip may be."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.close, self._read = file.close, file.read

    def read(self, size: int = -1) -> bytes:
        data = self._read(min(size, MAX_DIRECTORY + 1) if size >= 0 else MAX_DIRECTORY + 1)
        if len(data) > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"a directory of more than {MAX_DIRECTORY} bytes")
        return data


class Zip:
    """The files in an archive, without the folder they are all in."""

    def __init__(self, path: Path, ending: str) -> None:
        self.path = path
        file = open_regular(path)
        self.steady = Steady(path, file)
        with self._faults():
            self.archive = zipfile.ZipFile(cast(BinaryIO, _Pieces(file)))
            members = self.archive.infolist()
            files = [m for m in members if m.filename and not m.is_dir()]
        if len(members) > MAX_MEMBERS:
            raise UsageError(f"{path} has more than {MAX_MEMBERS} members")
        for member in members:
            safe_name(member.filename, path)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise UsageError(f"{path} holds a link, {member.filename!r}; none is followed")
            if member.compress_type not in INCREMENTAL:
                raise UsageError(
                    f"{path}: {member.filename!r} is compressed by method {member.compress_type}; "
                    "known: stored and deflated"
                )
        self.members = {m.filename: m for m in files if m.filename.endswith(ending)}
        if len(self.members) != sum(m.filename.endswith(ending) for m in files):
            raise UsageError(f"{path} holds two members of one name")
        tops = {name.partition("/")[0] for name in self.members}
        # Most archives have everything in one folder of the archive's name.
        self.top = f"{path.stem}/" if tops == {path.stem} else ""

    def names(self) -> list[str]:
        return sorted(name.removeprefix(self.top) for name in self.members)

    def read(self, name: str, bound: int) -> bytes:
        member = self.members[self.top + name]
        with self._faults(), self.archive.open(member) as file:
            # The size that the archive declares may be a lie: what counts is what comes out.
            data = file.read(bound + 1)
        self.steady.check()
        if len(data) > bound:
            raise UsageError(f"{self.path}: {name} unpacks to more than {bound} bytes")
        return data

    def size(self, name: str) -> int:
        return self.members[self.top + name].file_size

    def fingerprint(self, name: str) -> str:
        member = self.members[self.top + name]
        return f"{member.CRC:08x} {member.file_size}"

    def checksum(self, names: list[str]) -> str:
        with Memo() as memo:
            return memo.checksum(self.path)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror or error}") from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            ValueError,
            IndexError,
            struct.error,
            RuntimeError,  # encrypted, or a compression that Python lacks
        ) as error:
            raise UsageError(f"{self.path} is not a valid zip archive: {error}") from error


def safe_name(name: str, archive: Path) -> PurePosixPath:
    """A member's path; UsageError if it is absolute or leads out of its folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise UsageError(f"{archive} holds the member {name!r}, which leads out of its folder")
    return path


def open_tree(folder: Path, name: str, ending: str) -> Tree | None:
    """The extracted folder `name`, else the archive `name`.zip, else None."""
    if (folder / name).is_dir():
        return Folder(folder / name, ending)
    archive = folder / f"{name}.zip"
    return Zip(archive, ending) if archive.exists() else None
