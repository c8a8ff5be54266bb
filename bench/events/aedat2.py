"""AEDAT 2.0 recordings of a DVS128: text lines, then eight bytes an event, big-endian."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.events import Events

FIRST_LINE = b"#!AER-DAT2.0"
LINE = re.compile(rb"#[\t\x20-\x7e\x80-\xff]*\r\n")  # a date or a name may not be ASCII
TEXT = re.compile(rb"#[\t\x20-\x7e\x80-\xff]*")
MAX_HEADER = 1 << 16
MAX_LINE = 1 << 10
EVENT_BYTES = 8
SIDE = 128
PIXEL_BITS = 0x7FFF  # bit 15 is an external trigger, the others are no part of a DVS128 address


@dataclass(frozen=True)
class Orientation:
    """Which address bits are the column and which the row; both count from the far end."""

    column_bit: int
    row_bit: int


JAER = Orientation(column_bit=1, row_bit=8)
"""As jAER shows a recording: column = 127 - bits 1-7, row = 127 - bits 8-14."""
TRANSPOSED = Orientation(column_bit=8, row_bit=1)
"""As spikingjelly reads CIFAR10-DVS: column = 127 - bits 8-14, row = 127 - bits 1-7."""


def decode(data: bytes, name: str, orientation: Orientation) -> Events:
    """Events of a recording; `name` stands for it in errors.

    Bit 0 of an address is 0 for ON. Addresses that are no pixel are left out and counted. Times
    are 32 bits of microseconds and may wrap.
    """
    start = _header_end(data, name)
    if start == len(data) or (len(data) - start) % EVENT_BYTES:
        raise UsageError(
            f"{name} is empty or truncated: {len(data) - start} bytes after its header, "
            f"{EVENT_BYTES} an event"
        )
    words = np.frombuffer(data, ">u4", offset=start).astype(np.uint32)
    address, t = words[::2], _unwrapped(words[1::2])
    repairs: Counter[str] = Counter()
    pixel = address <= PIXEL_BITS
    if not pixel.all():
        repairs["not a pixel"] += len(pixel) - int(np.count_nonzero(pixel))
        address, t = address[pixel], t[pixel]
    address = address.astype(np.uint16)
    x = (SIDE - 1 - (address >> orientation.column_bit & 127)).astype(np.uint8)
    y = (SIDE - 1 - (address >> orientation.row_bit & 127)).astype(np.uint8)
    p = (address & 1 ^ 1).astype(np.uint8)
    return Events(x, y, t, p, repairs)


def _header_end(data: bytes, name: str) -> int:
    """Where the events begin.

    A header line is `#`, printable text, CR LF. An event may begin with the byte of `#` as well,
    but is not followed by a whole line of text.
    """
    if not data.startswith(FIRST_LINE):
        raise UsageError(f"{name} is not an AEDAT 2.0 file: it lacks {FIRST_LINE.decode()}")
    end = 0
    while line := LINE.match(data, end, end + MAX_LINE):
        end = line.end()
        if end > MAX_HEADER:
            raise UsageError(f"{name} has a header of more than {MAX_HEADER} bytes")
    text = TEXT.match(data, end, end + MAX_LINE)
    if end == 0 or (text and text.end() in (len(data), end + MAX_LINE)):
        raise UsageError(f"{name} has a header line that never ends")
    return end


def _unwrapped(t: np.ndarray) -> np.ndarray:
    """int64 times of uint32 times that may pass 2^32 and begin at 0 again, or step back."""
    if not (t[1:] < t[:-1]).any():
        return t.astype(np.int64)
    steps = np.diff(t).view(np.int32).astype(np.int64)  # modulo 2^32, the shorter way round
    return int(t[0]) + np.concatenate([[0], np.cumsum(steps)])
