"""BibTeX entries as text with a key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_ENTRY = re.compile(r"^@\w+\s*\{\s*([^,\s]+)\s*,", re.MULTILINE)


class Entry(NamedTuple):
    """One BibTeX entry; `text` is the whole of it."""

    key: str
    text: str

    def noted(self, note: str) -> Entry:
        """The entry with a note as its last field."""
        body = self.text.rstrip().removesuffix("}").rstrip().removesuffix(",")
        return Entry(self.key, f"{body},\n  note = {{{note}}}\n}}" if note else self.text)


def split(text: str) -> Iterator[Entry]:
    """The entries of a BibTeX text, in order; each begins a line."""
    starts = list(_ENTRY.finditer(text))
    ends = [*(match.start() for match in starts[1:]), len(text)][: len(starts)]
    for match, end in zip(starts, ends, strict=True):
        yield Entry(match[1], text[match.start() : end].strip())


def unique(entries: Iterable[Entry]) -> list[Entry]:
    """One entry a key, the first; the rest of the order is kept."""
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(entry.key, entry)
    return list(found.values())


@cache
def libraries() -> dict[str, Entry]:
    """The entries of libraries.bib by key."""
    text = (files("liafbench.bench.citations") / "libraries.bib").read_text("utf-8")
    return {entry.key: entry for entry in split(text)}


def plain(text: str) -> str:
    """Text without the characters TeX acts on, for a note."""
    return re.sub(r"([&%$#_{}])", r"\\\1", re.sub(r"[\\~^]", " ", text))
