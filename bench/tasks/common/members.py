"""Recordings by name: each in the folder of its class, each number once, none in two places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks.common.trees import Tree, open_tree

MAX_BYTES = 1 << 26  # of a recording; the largest official one has some 5 MB


class Place(NamedTuple):
    """What a recording's name says: its class, its number from 0 and which part of that number."""

    label: int
    number: int
    part: int = 0


class Member(NamedTuple):
    """One recording in a tree."""

    tree: Tree
    name: str
    place: Place

    @property
    def path(self) -> str:
        return str(self.tree.path / self.name)

    def read(self) -> bytes:
        return self.tree.read(self.name, MAX_BYTES)


@dataclass(frozen=True)
class Recordings:
    """What an archive of recordings, or the folder it was extracted to, should hold.

    `place` says what the name of a file below it means, None if it is no recording. Every number
    below `numbers` should be there once, in each of `parts`; `label` is the class of all, where the
    archive is of one class.
    """

    archive: str
    ending: str
    place: Callable[[str], Place | None]
    numbers: int
    parts: Sequence[int] = (0,)
    label: int | None = None
    record_bytes: int = 1

    @property
    def expected(self) -> int:
        return self.numbers * len(self.parts)

    def members(self, folder: Path) -> tuple[Tree | None, list[Member]]:
        """What is there of them, by number; UsageError for a wrong class or a number twice."""
        tree = open_tree(folder, self.archive, self.ending)
        named = [(name, self.place(name)) for name in tree.names()] if tree else []
        found = [Member(tree, n, place) for n, place in named if tree and place is not None]
        found.sort(key=lambda member: (member.place[1:], member.name))
        for member in found:
            if self.label is not None and member.place.label != self.label:
                raise UsageError(f"{member.path} is in the folder of another class")
        for one, other in pairwise(found):
            if one.place[1:] == other.place[1:]:
                raise UsageError(f"{one.path} and {other.path} are one recording; remove one")
        return tree, [m for m in found if m.place.part in self.parts]

    def complete(self, members: Sequence[Member]) -> bool:
        """Whether every recording is there, and nothing else; no number is there twice."""
        return len(members) == self.expected and all(
            0 <= member.place.number < self.numbers for member in members
        )

    def count(self, folder: Path) -> tuple[int, int]:
        """How many are there and how many should be; UsageError for one that cannot be."""
        _, members = self.members(folder)
        for member in members:
            size = member.tree.size(member.name)
            if size == 0 or size % self.record_bytes:
                raise UsageError(
                    f"{member.path} has {size} bytes, records have {self.record_bytes}"
                )
        whole = self.complete(members)
        return self.expected if whole else min(len(members), self.expected - 1), self.expected


def refuse_copies(sides: Iterable[Iterable[Member]]) -> None:
    """UsageError if two sides of a split, or two classes, have a recording of equal content."""
    seen: dict[str, tuple[int, Member]] = {}
    for side, members in enumerate(sides):
        for member in members:
            content = member.tree.fingerprint(member.name)
            place, first = seen.setdefault(content, (side, member))
            apart = (place, first.place.label) != (side, member.place.label)
            if apart and first.read() == member.read():
                raise UsageError(
                    f"{first.path} and {member.path} have the same content; one recording has "
                    "one class and one side of the split"
                )
