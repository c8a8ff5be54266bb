"""Sets of AEDAT 2.0 recordings that are numbered within each class and have no official split.

The rule: of every class, the recordings with the last tenth of the numbers are test, of the
others every tenth is validation. The parts of one number stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from liafbench.bench.events.aedat2 import SIDE, Orientation, decode
from liafbench.bench.events.events import Events, checked
from liafbench.bench.events.frames import Binning
from liafbench.bench.tasks.common.files import official
from liafbench.bench.tasks.common.members import Member, Recordings
from liafbench.bench.tasks.common.recordings import (
    Recorded,
    Recording,
    recorded_splits,
)
from liafbench.bench.tasks.common.splits import HOLD_OUT, Splits
from liafbench.bench.tasks.common.task import Source
from liafbench.bench.tasks.common.trees import Tree

NUMBERS = 1000  # of each class
TESTING = NUMBERS // HOLD_OUT


def side_of(member: Member) -> int:
    """0 train, 1 validation, 2 test."""
    if member.place.number >= NUMBERS - TESTING:
        return 2
    return int(member.place.number % HOLD_OUT == HOLD_OUT - 1)


@dataclass(frozen=True)
class Numbered:
    """A set of numbered recordings: its archives, one a class, and how they are read."""

    archives: Sequence[Recordings]
    orientation: Orientation
    rule: str
    code: str

    def splits(
        self,
        source: Source,
        binning: Binning,
        parts: Sequence[int] = (0,),
    ) -> Splits:
        """Splits of what is there, in `parts` of each number; UsageError if that is not all."""
        trees, found, lacking = self._members(source, parts)
        unofficial = official(source, [tree.path for tree in trees.values()])
        training = [member for member in found if side_of(member) < 2]
        # A limit takes a mix of classes.
        training.sort(key=lambda m: (m.place.number, m.place.label, m.place.part))
        members = training[: source.limit] + [member for member in found if side_of(member) == 2]
        recordings = [
            Recording("/".join(map(str, m.place)), m.place.label, partial(self._read, m))
            for m in members
        ]

        def checksums() -> dict[str, str]:
            return {
                name: tree.checksum([m.name for m in found if m.tree is tree])
                for name, tree in trees.items()
            }

        code = (self.code, __file__)
        sides = np.array([side_of(member) for member in members])
        rows = [np.flatnonzero(sides == side) for side in range(3)]
        subset = f"subset: {len(members)} recordings" if lacking else ""
        return recorded_splits(
            Recorded(recordings, SIDE, SIDE, checksums, code, members),
            binning,
            rows,
            lambda name: name.rpartition("/")[0],
            rule=self.rule,
            notes=(subset, unofficial, source.limited("training recordings")),
            partial=lacking,
            unofficial=bool(unofficial),
        )

    def _members(
        self, source: Source, parts: Sequence[int]
    ) -> tuple[dict[str, Tree], list[Member], bool]:
        trees: dict[str, Tree] = {}
        members: list[Member] = []
        lacking = []
        for archive in self.archives:
            tree, every = archive.members(source.folder)
            found = [m for m in every if m.place.part in parts and m.place.number < NUMBERS]
            if tree is not None and found:
                trees[archive.archive] = tree
            if len(found) < NUMBERS * len(set(parts)):
                lacking.append(f"{archive.archive} ({len(found)} of {NUMBERS * len(set(parts))})")
            members += found
        if not members:
            raise source.missing(
                f"{self.archives[0].archive}.zip and the others in {source.folder}"
            )
        if lacking:
            source.subset(f"{source.folder} lacks recordings: {', '.join(lacking)}")
        return trees, members, bool(lacking)

    def _read(self, member: Member) -> Events:
        return checked(
            decode(member.read(), member.path, self.orientation), SIDE, SIDE, member.path
        )
