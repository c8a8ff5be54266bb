"""Files of a results folder: written whole or not at all, and never through a link."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from liafbench.baselines.errors import UsageError


def sealed(text: bytes) -> bytes:
    """The text of a run file, sorted by key, with the SHA-256 of the rest as its first field."""
    head, rest = text[:2], text[2:]
    if head != b"{\n":
        raise ValueError("not the text of a run file")
    return head + f' "checksum": "{hashlib.sha256(text).hexdigest()}",\n'.encode() + rest


def write_atomically(path: Path, content: bytes, below: Path | None = None) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part.

    `below` is a results folder the file lies in: it may have come from somebody else, so a link
    between the folder and the file is refused. Elsewhere a link is the user's own and stays: what
    it points to is replaced. Raises OSError.
    """
    if below is not None:
        refuse_links(path, below)
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    # Its mode is the user's own choice, the umask.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def inside(path: Path, root: Path) -> Path | None:
    """The results folder `root` where a file is to be written below it, else None."""
    lies_below = Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))
    return root if lies_below else None


def refuse_links(path: Path, below: Path) -> None:
    """Raise OSError where a part of `path` below the folder `below` is a link."""
    place = below
    # Not resolved: links are what is looked for.
    for part in Path(os.path.relpath(path, below)).parts:
        place /= part
        if part == os.pardir or place.is_symlink():
            raise OSError(errno.ELOOP, f"{place.name} is a link, which is not written through")


def check_writable(folder: Path) -> None:
    """Make a folder and write into it: minutes of measuring are not lost to one that takes none."""
    with as_usage_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


@contextlib.contextmanager
def as_usage_error(path: Path) -> Iterator[None]:
    """Turn a disk's refusal into one line that says what to do."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        advice = "choose a folder you can write to with --out"
        if disk_is_full(error):
            advice = "free some space and start again: what is finished is kept"
        raise UsageError(f"{path}: cannot be written: {what}; {advice}") from error


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that there is no room: of the disk, not a cell."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False
