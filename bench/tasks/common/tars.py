"""Unpacking .tar.gz archives: plain files only, below their folder, within a bound."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast
from uuid import uuid4

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.reading import CHUNK, opened
from liafbench.bench.tasks.common.trees import safe_name

FAULTS = (
    tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, OverflowError,
    RecursionError,  # text headers one after the other, which tarfile reads in one another
)  # fmt: skip


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


def unpack(path: Path, target: Path, bound: int) -> None:
    """Unpack a .tar.gz of at most `bound` bytes below the folder `target`.

    Files appear under their final names only when the whole archive has been read without fault;
    files that are already there stay as they are. UsageError for an archive that is damaged, or
    holds anything but plain files below its folder.
    """
    own = target / f"unpacking-{uuid4().hex}.tmp"

    def plain(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
        if not (member.isreg() or member.isdir()) or member.issparse():
            raise UsageError(f"{path} holds {member.name!r}, which is not a plain file")
        safe_name(member.name, path)
        return tarfile.data_filter(member, folder)

    try:
        with opened(path) as file:
            stream = Bounded(file, path, bound)
            with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|") as archive:
                archive.extractall(own, filter=plain)
            while stream.read(CHUNK):  # to the end, where the checksum is
                pass
        for made in own.rglob("*"):
            final = target / made.relative_to(own)
            if made.is_file() and not final.exists():
                final.parent.mkdir(parents=True, exist_ok=True)
                made.replace(final)
    except UsageError:
        raise
    except FAULTS as error:
        raise UsageError(f"{path} is not a valid .tar.gz archive: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot unpack {path} into {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(own, ignore_errors=True)
