"""Events to frames: which events share a frame, at which size, with which values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.events.events import Events

CHANNELS = 2  # OFF, ON
LARGEST = 10_000
"""Frames of a sample, and rows or columns of a frame: a slip of the pen ends here."""
LATEST = int(np.iinfo(np.int64).max)
BINNINGS = ("count", "duration", "window")
VALUES = ("counts", "binary", "clipped")


@dataclass(frozen=True)
class Binning:
    """How the events of a recording become `time_steps` frames of `height` x `width`.

    by: "count": as many events in each frame; "duration": the recording's time cut into equal
    spans; "window": spans of `window_us`, from the first event or a given start, and what comes
    later is left out. Sizes other than the sensor's scale by area: a pixel's events are shared
    among the cells that it overlaps. values: "counts" of events, "binary" (any event), or
    "clipped" counts of at most `clip`.
    """

    time_steps: int
    height: int
    width: int
    by: str = "count"
    window_us: int | None = None
    values: str = "counts"
    clip: int | None = None

    def __post_init__(self) -> None:
        if self.by not in BINNINGS:
            raise unknown("binning", self.by, BINNINGS)
        if self.values not in VALUES:
            raise unknown("kind of frame values", self.values, VALUES)
        if min(self.time_steps, self.height, self.width) < 1:
            raise UsageError(f"frames of {self.time_steps} x {self.height} x {self.width}")
        if max(self.time_steps, self.height, self.width) > LARGEST:
            sizes = f"{self.time_steps} x {self.height} x {self.width}"
            raise UsageError(f"frames of {sizes}; each may be at most {LARGEST:,}")
        if (self.by == "window") != (self.window_us is not None) or _below_one(self.window_us):
            raise UsageError("binning by window, and only it, needs window_us, at least 1")
        if (self.values == "clipped") != (self.clip is not None) or _below_one(self.clip):
            raise UsageError("clipped frame values, and only they, need clip, at least 1")

    def parts(self, height: int, width: int) -> int:
        """Stored frames are whole numbers of 1/parts events (1 unless the scale is uneven)."""
        if self.values == "binary":
            return 1
        rows = self.height // math.gcd(self.height, height)
        columns = self.width // math.gcd(self.width, width)
        return rows * columns


def _below_one(value: int | None) -> bool:
    return value is not None and value < 1


def to_frames(
    events: Events, height: int, width: int, binning: Binning, start: int | None = None
) -> np.ndarray:
    """Frames [T, 2, H, W] of ordered events on a height x width sensor, in 1/parts events."""
    edges = _edges(events, binning, start)
    first, last = int(edges[0]), int(edges[-1])
    even = height % binning.height == 0 and width % binning.width == 0
    rows, columns = (binning.height, binning.width) if even else (height, width)
    row_of = (np.arange(height) // (height // rows) * columns).astype(np.intp)
    column_of = (np.arange(width) // (width // columns)).astype(np.intp)
    cell = row_of[events.y[first:last]]
    cell += column_of[events.x[first:last]]
    cell += events.p[first:last] * np.intp(rows * columns)
    plane = CHANNELS * rows * columns
    cell += np.repeat(np.arange(binning.time_steps) * plane, np.diff(edges))
    counted = np.bincount(cell, minlength=binning.time_steps * plane)
    frames = counted.reshape(binning.time_steps, CHANNELS, rows, columns)
    if not even:
        # In float64 for its fast product; whole numbers stay exact up to 2^53.
        by_row, by_column = _overlap(height, binning.height), _overlap(width, binning.width)
        frames = (by_row @ frames.astype(np.float64) @ by_column.T).astype(np.int64)
    return _valued(frames, binning, height, width)


def _edges(events: Events, binning: Binning, start: int | None) -> np.ndarray:
    """Where each frame begins in the events, and where the last one ends [T + 1]."""
    steps = range(binning.time_steps + 1)
    if binning.by == "count":
        return np.array([step * len(events) // binning.time_steps for step in steps])
    begin = int(events.t[0]) if start is None else start
    # In Python's whole numbers: a damaged time may be so late that 64 bits would overflow.
    if binning.window_us is not None:
        times = [begin + step * binning.window_us for step in steps]
    else:
        span = int(events.t[-1]) + 1 - begin
        times = [begin - (-step * span // binning.time_steps) for step in steps]
    return np.searchsorted(events.t, [min(time, LATEST) for time in times])


@lru_cache(maxsize=16)
def _overlap(size: int, cells: int) -> np.ndarray:
    """Matrix [cells, size]: how many parts of each pixel lie in each cell."""
    common = math.gcd(size, cells)
    parts, span = cells // common, size // common
    fine = np.arange(size * parts)
    matrix = np.zeros((cells, size))
    np.add.at(matrix, (fine // span, fine // parts), 1)
    return matrix


def _valued(frames: np.ndarray, binning: Binning, height: int, width: int) -> np.ndarray:
    if binning.values == "binary":
        return (frames > 0).astype(np.uint8)
    if binning.clip is not None:
        return np.minimum(frames, binning.clip * binning.parts(height, width))
    return frames
