"""AEDAT 3.1 recordings: text lines, then packets of events, little-endian."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.events import Events

FIRST_LINE = b"#!AER-DAT3.1"
LAST_LINE = b"#!END-HEADER"
MAX_HEADER = 1 << 16
PACKET = struct.Struct("<hhiiiiii")
POLARITY, EVENT_BYTES = 1, 8
MAX_PACKET = 1 << 26


class Packet(NamedTuple):
    """The header of a packet."""

    type: int
    source: int
    size: int
    time_offset: int
    overflow: int
    capacity: int
    number: int
    valid: int


def decode(file: BinaryIO, name: str) -> Events:
    """Polarity events of a recording, read packet by packet; `name` stands for it in errors.

    Events that their own flag calls invalid, and negative times, are left out and counted.
    """
    _skip_header(file, name)
    words, overflows, counts = [], [], []
    for packet, payload in packets(file, name):
        if packet.type == POLARITY and packet.number:
            words.append(np.frombuffer(payload, "<u4", 2 * packet.number))
            overflows.append(packet.overflow)
            counts.append(packet.number)
    if not words:
        raise UsageError(f"{name} has no packet of polarity events")
    joined = np.concatenate(words)
    data, time = joined[::2], joined[1::2]
    epoch = np.repeat(np.array(overflows, dtype=np.int64) << 31, counts)
    kept = (data & 1 == 1) & (time >> 31 == 0)
    repairs: Counter[str] = Counter()
    if not kept.all():
        repairs["invalid"] += len(kept) - int(np.count_nonzero(kept))
        data, time, epoch = data[kept], time[kept], epoch[kept]
    return Events(
        x=(data >> 17).astype(np.uint16),
        y=(data >> 2 & 0x7FFF).astype(np.uint16),
        t=epoch + time,
        p=(data >> 1 & 1).astype(np.uint8),
        repairs=repairs,
    )


def packets(file: BinaryIO, name: str) -> Iterator[tuple[Packet, bytes]]:
    """The packets after the header, each with the bytes of its events."""
    while header := file.read(PACKET.size):
        if len(header) < PACKET.size:
            raise UsageError(f"{name} is truncated within the header of a packet")
        packet = Packet._make(PACKET.unpack(header))
        fault = _fault(packet)
        if fault:
            raise UsageError(f"{name} has a broken packet: {fault}")
        payload = file.read(packet.capacity * packet.size)
        if len(payload) < packet.capacity * packet.size:
            raise UsageError(
                f"{name} is truncated: a packet claims {packet.capacity} events of {packet.size} "
                f"bytes, {len(payload)} bytes are left"
            )
        yield packet, payload


def _fault(packet: Packet) -> str | None:
    if packet.size < 1 or packet.capacity < 0 or packet.size * packet.capacity > MAX_PACKET:
        return f"{packet.capacity} events of {packet.size} bytes"
    if not 0 <= packet.valid <= packet.number <= packet.capacity:
        return f"{packet.number} events, {packet.valid} valid, room for {packet.capacity}"
    if packet.type == POLARITY and packet.size != EVENT_BYTES:
        return f"polarity events of {packet.size} bytes, expected {EVENT_BYTES}"
    if packet.overflow < 0:
        return f"time overflow {packet.overflow}"
    return None


def _skip_header(file: BinaryIO, name: str) -> None:
    line = file.readline(MAX_HEADER)
    if line.rstrip(b"\r\n") != FIRST_LINE:
        raise UsageError(f"{name} is not an AEDAT 3.1 file: it lacks {FIRST_LINE.decode()}")
    left = MAX_HEADER - len(line)
    while line.rstrip(b"\r\n") != LAST_LINE:
        line = file.readline(left)
        left -= len(line)
        if left <= 0 or not line.endswith(b"\n"):
            raise UsageError(f"{name} has a header without {LAST_LINE.decode()}")
