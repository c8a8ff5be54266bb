"""Checksums of files: what a run was made from, and whether a file is the official one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bench.tasks.common.reading import CHUNK, opened


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
