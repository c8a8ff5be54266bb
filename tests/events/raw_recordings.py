"""Recordings written bit by bit in the true formats, for the readers to read."""

from __future__ import annotations

import struct
from collections.abc import Iterable

Event = tuple[int, int, int, int]  # x, y, t [us], p

AEDAT2_HEADER = (
    b"#!AER-DAT2.0\r\n"
    b"# This is a raw AE data file - do not edit\r\n"
    b"# Data format is int32 address, int32 timestamp (8 bytes total), repeated for each event\r\n"
)
AEDAT3_HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def atis(events: Iterable[Event]) -> bytes:
    """The five bytes of each event of an N-MNIST recording."""
    out = bytearray()
    for x, y, t, p in events:
        out += bytes((x, y, p << 7 | t >> 16, t >> 8 & 0xFF, t & 0xFF))
    return bytes(out)


def jaer_address(bits_1_7: int, bits_8_14: int, on: int) -> int:
    """A DVS128 address as jAER writes it: 0 is ON."""
    return bits_8_14 << 8 | bits_1_7 << 1 | (1 - on)


def aedat2(words: Iterable[tuple[int, int]], header: bytes = AEDAT2_HEADER) -> bytes:
    """Addresses and times, big-endian, after a header."""
    return header + b"".join(struct.pack(">II", *word) for word in words)


def polarity_word(x: int, y: int, p: int, valid: int = 1) -> int:
    return x << 17 | y << 2 | p << 1 | valid


def aedat3_packet(
    words: Iterable[tuple[int, int]],
    *,
    kind: int = 1,
    size: int = 8,
    overflow: int = 0,
    capacity: int | None = None,
    number: int | None = None,
) -> bytes:
    """A packet of (data, time) words; capacity and number may lie."""
    body = b"".join(struct.pack("<II", *word) for word in words)
    count = len(body) // 8
    number = count if number is None else number
    capacity = count if capacity is None else capacity
    header = struct.pack("<hhiiiiii", kind, 1, size, 4, overflow, capacity, number, number)
    return header + body


def aedat3(*packets: bytes, header: bytes = AEDAT3_HEADER) -> bytes:
    return header + b"".join(packets)
