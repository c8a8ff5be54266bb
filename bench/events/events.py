"""Events of one recording as arrays, in order of time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from liafbench.baselines.errors import UsageError

MOST_BACKWARDS = 8  # events before the one before them; in longer recordings one in twenty


@dataclass(frozen=True)
class Events:
    """Columns x, rows y, times t [us] and polarities p (1 = ON), each [N].

    `repairs` counts what was left out or put right: "outside sensor", "not a pixel", "invalid",
    "out of order".
    """

    x: np.ndarray
    y: np.ndarray
    t: np.ndarray
    p: np.ndarray
    repairs: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.t)

    def where(self, chosen: np.ndarray | slice) -> Events:
        """Some of the events: a mask, an order or a slice."""
        return Events(self.x[chosen], self.y[chosen], self.t[chosen], self.p[chosen], self.repairs)

    def between(self, start: int, end: int) -> Events:
        """The events with start <= t < end [us]."""
        first, last = np.searchsorted(self.t, (start, end))
        return self.where(slice(int(first), int(last)))


def checked(events: Events, height: int, width: int, name: str) -> Events:
    """The events on the sensor, in order of time; what had to go or move is counted.

    UsageError, with the name of the recording, if there is none or most had to go.
    """
    read, repairs = len(events), events.repairs
    if read and (int(events.x.max()) >= width or int(events.y.max()) >= height):
        inside = (events.x < width) & (events.y < height)
        repairs["outside sensor"] += read - int(np.count_nonzero(inside))
        events = events.where(inside)
    if len(events) < 1:
        raise UsageError(f"{name} has no event on the {width}x{height} sensor")
    lost = sum(repairs[reason] for reason in ("outside sensor", "not a pixel", "invalid"))
    if lost > len(events):
        raise UsageError(
            f"{name} is not a recording of a {width}x{height} sensor: "
            f"only {len(events)} of {len(events) + lost} events are usable"
        )
    backwards = int(np.count_nonzero(events.t[1:] < events.t[:-1]))
    if backwards > max(MOST_BACKWARDS, len(events) // 20):
        raise UsageError(
            f"{name} is not a recording: {backwards} of {len(events)} events go backwards in time"
        )
    if backwards:
        repairs["out of order"] += backwards
        events = events.where(np.argsort(events.t, kind="stable"))
    return events
