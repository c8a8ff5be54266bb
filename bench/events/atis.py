"""The .bin recordings of N-MNIST: five bytes an event, timer overflows as marked rows."""

from __future__ import annotations

import numpy as np

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.events import Events

EVENT_BYTES = 5
OVERFLOW_ROW = 240
OVERFLOW_US = 1 << 13


def decode(data: bytes, name: str) -> Events:
    """Events of a recording; `name` stands for it in errors.

    Bytes x, y, then bit 7 polarity and 23 bits time, big-endian. A row of 240 is no event but
    adds 2^13 us to every time from there on.
    """
    if not data or len(data) % EVENT_BYTES:
        raise UsageError(f"{name} is empty or truncated: {len(data)} bytes, {EVENT_BYTES} an event")
    count = len(data) // EVENT_BYTES
    x = np.frombuffer(data, np.uint8)[::EVENT_BYTES]
    word = np.ndarray((count,), ">u4", data, offset=1, strides=(EVENT_BYTES,)).astype(np.uint32)
    y = (word >> 24).astype(np.uint8)
    t = (word & 0x7FFFFF).astype(np.int64)
    p = ((word >> 23) & 1).astype(np.uint8)
    overflow = y == OVERFLOW_ROW
    if overflow.any():
        t += np.cumsum(overflow) * OVERFLOW_US
        kept = ~overflow
        return Events(x[kept], y[kept], t[kept], p[kept])
    return Events(x, y, t, p)
