"""Members of .tar.gz archives, read in their order, within bounds, without links."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast
from uuid import uuid4

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks.common.reading import CHUNK, opened
from liafbench.bench.tasks.common.trees import MAX_MEMBERS, safe_name

MAX_TEXT = 1 << 20
TEXT_TYPES = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Bounded:
    """What a compressed file unpacks to, at most `bound` bytes."""

    def __init__(self, file: BinaryIO, path: Path, bound: int) -> None:
        self.file, self.path, self.left = gzip.GzipFile(fileobj=file, mode="rb"), path, bound

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise UsageError(f"{self.path} unpacks to more than it may have")
        return data


class Header(tarfile.TarInfo):
    """A header that is refused where tarfile would be too trusting."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Header:
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf.strip(b"\0"):  # tarfile would take it for the end of the archive
                raise tarfile.ReadError("a damaged header") from error
            raise
        if header.type in TEXT_TYPES and header.size > MAX_TEXT:  # read at once, into memory
            raise tarfile.ReadError(f"a header with a text of {header.size} bytes")
        return header


Take = Callable[[PurePosixPath, int, BinaryIO], None]


def each_member(path: Path, bound: int, take: Take) -> None:
    """Call `take` with name, size and content of every file of a .tar.gz, in its order.

    UsageError if it unpacks to more than `bound` bytes, is damaged, or holds anything else.
    """
    with _faults(path), opened(path) as file:
        stream = Bounded(file, path, bound)
        with tarfile.open(
            fileobj=cast(BinaryIO, stream), mode="r|", errorlevel=2, tarinfo=Header
        ) as archive:
            for place, member in enumerate(archive):
                name = safe_name(member.name, path)
                if place >= MAX_MEMBERS:
                    raise UsageError(f"{path} has more than {MAX_MEMBERS} members")
                if member.isdir():
                    continue
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or member.issparse():
                    raise UsageError(f"{path} holds {member.name!r}, which is no plain file")
                take(name, member.size, cast(BinaryIO, content))
        while stream.read(CHUNK):  # to the end, where the checksum is
            pass


def unpack(path: Path, target: Path, bound: int) -> None:
    """Unpack a .tar.gz below the folder `target`.

    Files appear under their final names only when the whole archive has been read without fault;
    files that are already there stay as they are.
    """
    own = target / f"unpacking-{uuid4().hex}.tmp"

    def write(name: PurePosixPath, _: int, content: BinaryIO) -> None:
        file = own / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as out:
            shutil.copyfileobj(content, out, CHUNK)

    try:
        each_member(path, bound, write)
        for made in own.rglob("*"):
            final = target / made.relative_to(own)
            if made.is_file() and not final.exists():
                final.parent.mkdir(parents=True, exist_ok=True)
                made.replace(final)
    except OSError as error:
        raise UsageError(f"cannot unpack {path} into {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except UsageError:
        raise
    except (
        gzip.BadGzipFile,
        tarfile.TarError,
        EOFError,
        zlib.error,
        ValueError,
        OverflowError,  # a text header that claims more than a machine word
        RecursionError,  # text headers one after the other, which tarfile reads in one another
    ) as error:
        raise UsageError(f"{path} is no intact .tar.gz archive: {error}") from error
