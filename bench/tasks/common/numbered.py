"""Sets of AEDAT 2.0 recordings that are numbered within each class and have no official split.

The rule: of every class, the recordings with the last tenth of the numbers are test, of the
others every tenth is validation. The parts of one number stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.aedat2 import SIDE, Orientation, decode
from liafbench.bench.events.events import Events, checked
from liafbench.bench.events.frames import Binning
from liafbench.bench.tasks.common.official import differing
from liafbench.bench.tasks.common.recordings import (
    Provenance,
    Recorded,
    Recording,
    binning_for,
    recorded_splits,
)
from liafbench.bench.tasks.common.splits import HOLD_OUT, Splits
from liafbench.bench.tasks.common.task import Source
from liafbench.bench.tasks.common.trees import Tree, open_tree

NUMBERS = 1000  # of each class
TESTING = NUMBERS // HOLD_OUT
MAX_BYTES = 1 << 26


@dataclass(frozen=True)
class Member:
    """One recording in a tree: its class, its number from 0, and which part of that number."""

    tree: Tree
    name: str
    label: int
    number: int
    part: int = 0

    @property
    def side(self) -> int:
        """0 train, 1 validation, 2 test."""
        if self.number >= NUMBERS - TESTING:
            return 2
        return int(self.number % HOLD_OUT == HOLD_OUT - 1)


@dataclass(frozen=True)
class Numbered:
    """What a set of numbered recordings is: its archives, its parts, its orientation."""

    archives: Sequence[str]  # one a class, in order of the labels
    member: Callable[[Tree, str, int], Member | None]
    parts: int
    orientation: Orientation
    rule: str
    code: str

    def splits(self, source: Source, binning: Binning, changes: dict[str, Any]) -> Splits:
        """Splits of what is there; UsageError if that is not all, unless that is allowed."""
        members, trees = self._members(source)
        unofficial = differing(source, [tree.path for tree in trees.values()])
        subset = len(members) < len(self.archives) * NUMBERS * self.parts
        found = members
        training = [member for member in members if member.side < 2]
        training.sort(key=lambda m: (m.number, m.label, m.part))  # a limit takes a mix of classes
        members = training[: source.limit] + [member for member in members if member.side == 2]
        recordings = [
            Recording(f"{m.label}/{m.number}/{m.part}", m.label, partial(self._read, m))
            for m in members
        ]

        def checksums() -> dict[str, str]:
            return {
                archive: tree.checksum([m.name for m in found if m.tree is tree])
                for archive, tree in trees.items()
            }

        sides = np.array([member.side for member in members])
        notes = [f"subset: {len(members)} recordings"] if subset else []
        notes += [unofficial] if unofficial else []
        notes += [f"first {source.limit} training recordings"] if source.limit else []
        return recorded_splits(
            Recorded(recordings, SIDE, SIDE, checksums, (self.code, __file__)),
            binning_for(binning, changes),
            [np.flatnonzero(sides == side) for side in range(3)],
            Provenance(self.rule, "; ".join(notes), bool(subset or unofficial)),
            lambda name: name.rpartition("/")[0],
        )

    def _members(self, source: Source) -> tuple[list[Member], dict[str, Tree]]:
        members, trees, lacking = [], {}, []
        for label, archive in enumerate(self.archives):
            tree = open_tree(source.folder, archive, ".aedat")
            found = [] if tree is None else self._of(tree, label)
            if tree is not None and found:
                trees[archive] = tree
            if len(found) < NUMBERS * self.parts:
                lacking.append(f"{archive} ({len(found)} of {NUMBERS * self.parts} recordings)")
            members += found
        if not members:
            raise source.missing(f"{self.archives[0]}.zip and the others in {source.folder}")
        if lacking and not source.allow_partial:
            raise UsageError(
                f"{source.task.name} in {source.folder} lacks recordings: {', '.join(lacking)}; "
                "allow a partial set to use it as it is"
            )
        return members, trees

    def _of(self, tree: Tree, label: int) -> list[Member]:
        members = (self.member(tree, name, label) for name in tree.names())
        return sorted(
            (m for m in members if m is not None and 0 <= m.number < NUMBERS),
            key=lambda m: (m.number, m.part),
        )

    def _read(self, member: Member) -> Events:
        where = str(member.tree.path / member.name)
        data = member.tree.read(member.name, MAX_BYTES)
        return checked(decode(data, where, self.orientation), SIDE, SIDE, where)
