"""Splits of recorded events: read, checked, binned and cached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.cache import FrameCache, code_version
from liafbench.bench.events.events import Events
from liafbench.bench.events.frames import CHANNELS, Binning, to_frames
from liafbench.bench.tasks.common.members import Member, refuse_copies
from liafbench.bench.tasks.common.samples import Frames
from liafbench.bench.tasks.common.splits import Splits

OPTIONS: dict[str, Any] = dict.fromkeys(
    ("time_steps", "height", "width", "by", "window_us", "values", "clip")
)
"""What `load` accepts for every recorded task: the fields of `Binning`, None for the default."""


@dataclass(frozen=True)
class Recording:
    """One sample: its name, class, and how its events are read when they are needed.

    `start` [us] is where its windows begin, None for its first event.
    """

    name: str
    label: int
    read: Callable[[], Events]
    start: int | None = None


@dataclass(frozen=True)
class Recorded:
    """The recordings of a set in a fixed order, on one sensor; how their files are checksummed."""

    recordings: Sequence[Recording]
    height: int
    width: int
    checksums: Callable[[], dict[str, str]]
    code: tuple[str, ...]  # the source files of the reader
    members: Sequence[Member] = ()  # the file of each recording, where each has one

    @cached_property
    def files(self) -> dict[str, str]:
        """The checksums before anything was read."""
        return self.checksums()

    @property
    def labels(self) -> np.ndarray:
        return np.array([recording.label for recording in self.recordings], dtype=np.int64)

    def frames(self, binning: Binning) -> tuple[np.ndarray, Counter[str]]:
        """Frames [N, T, 2, H, W] in 1/parts events, from the cache if they are there."""
        shape = (
            len(self.recordings), binning.time_steps, CHANNELS, binning.height, binning.width,
        )  # fmt: skip
        key = {
            "files": self.files,
            "names": [recording.name for recording in self.recordings],
            "binning": asdict(binning),
            "code": code_version(*self.code, __file__),
        }
        # The threads of a product of small matrices cost more than they gain, most of all where
        # other processes want the cores.
        with threadpool_limits(1, user_api="blas"):
            entry = FrameCache().get(key, shape, lambda repairs: self._make(binning, repairs))
        return entry.frames, entry.repairs

    def _make(self, binning: Binning, repairs: Counter[str]) -> Iterator[np.ndarray]:
        for recording in self.recordings:
            events = recording.read()
            repairs.update(events.repairs)
            yield to_frames(events, self.height, self.width, binning, recording.start)
        changed = sorted(self.files.items() ^ self.checksums().items())
        if changed:  # frames of one state under the checksum of another
            raise UsageError(f"{changed[0][0]} changed while it was read; read it again")


def binning_for(default: Binning, changes: dict[str, Any]) -> Binning:
    """A task's default binning, with the options that were given."""
    given = {name: value for name, value in changes.items() if value is not None}
    if given.get("by", default.by) != "window":
        given.setdefault("window_us", None)
    return replace(default, **given)


def recorded_splits(
    recorded: Recorded,
    binning: Binning,
    parts: Iterable[np.ndarray],
    source_of: Callable[[str], str] = str,
    **provenance: Any,
) -> Splits:
    """Splits from the rows of train, validation and test; see `described`."""
    parts = list(parts)
    if recorded.files and recorded.members:  # whose checksums are those compared
        refuse_copies([recorded.members[row] for row in part] for part in parts)
    frames, repairs = recorded.frames(binning)
    names = [recording.name for recording in recorded.recordings]
    return Splits.of(
        Frames(frames, names, binning.parts(recorded.height, recorded.width), source_of),
        recorded.labels,
        parts,
        files=recorded.files,
        transform=str(binning),
        repairs=dict(repairs),
        **provenance,
    )
