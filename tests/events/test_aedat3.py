"""AEDAT 3.1 against bytes written by hand and against tonic's reader."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from raw_recordings import AEDAT3_HEADER, aedat3, aedat3_packet, polarity_word
from tonic.io import get_aer_events_from_file, read_aedat_header_from_file

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.aedat3 import MAX_HEADER, decode


def read(data: bytes):
    return decode(io.BytesIO(data), "f.aedat")


def rows(events) -> list[tuple[int, int, int, int]]:
    return list(zip(*(a.tolist() for a in (events.x, events.y, events.t, events.p)), strict=True))


def test_bits_of_an_event():
    word = 0b000000001010101_000000000000011_1_1
    assert rows(read(aedat3(aedat3_packet([(word, 9)])))) == [(85, 3, 9, 1)]


def test_every_field_survives():
    events = [
        (x, y, t, p) for x in (0, 127) for y in (0, 127) for t in (0, 2**31 - 1) for p in (0, 1)
    ]
    words = [(polarity_word(x, y, p), t) for x, y, t, p in events]
    assert rows(read(aedat3(aedat3_packet(words[:5]), aedat3_packet(words[5:])))) == events


def test_time_overflow_counts_above_bit_31():
    data = aedat3(
        aedat3_packet([(polarity_word(1, 1, 0), 2**31 - 1)]),
        aedat3_packet([(polarity_word(2, 2, 0), 4)], overflow=1),
        aedat3_packet([(polarity_word(3, 3, 0), 5)], overflow=3),
    )
    assert read(data).t.tolist() == [2**31 - 1, 2**31 + 4, 3 * 2**31 + 5]


def test_other_packets_and_spare_room_are_skipped():
    data = aedat3(
        aedat3_packet([(0, 0)] * 2, kind=0),
        aedat3_packet([(polarity_word(1, 2, 1), 3), (polarity_word(9, 9, 1), 9)], number=1),
        aedat3_packet([(0, 0)] * 9, kind=3, size=36, capacity=2, number=2),
        aedat3_packet([(polarity_word(4, 5, 0), 6)]),
    )
    assert rows(read(data)) == [(1, 2, 3, 1), (4, 5, 6, 0)]


def test_invalid_events_and_negative_times_are_dropped_and_counted():
    words = [(polarity_word(1, 1, 1), 5), (polarity_word(2, 2, 1, valid=0), 6)]
    words += [(polarity_word(3, 3, 1), 2**31 + 7), (polarity_word(4, 4, 1), 8)]
    events = read(aedat3(aedat3_packet(words)))
    assert events.t.tolist() == [5, 8]
    assert events.repairs == {"invalid": 2}


def test_equals_tonic(tmp_path: Path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 128, (600, 2)).tolist()
    words = [(polarity_word(x, y, t & 1), t) for t, (x, y) in enumerate(pixels)]
    path = tmp_path / "a.aedat"
    path.write_bytes(aedat3(*(aedat3_packet(words[i : i + 100]) for i in range(0, 600, 100))))
    version, _, _ = read_aedat_header_from_file(str(path))
    theirs = get_aer_events_from_file(str(path), version, len(AEDAT3_HEADER))
    with path.open("rb") as file:
        ours = decode(file, str(path))
    assert np.array_equal(ours.x, theirs["address"] >> 17)
    assert np.array_equal(ours.y, theirs["address"] >> 2 & 0x1FFF)
    assert np.array_equal(ours.p, theirs["address"] >> 1 & 1)
    assert np.array_equal(ours.t, theirs["timeStamp"])


def test_truncated_at_every_byte():
    packet = aedat3_packet([(polarity_word(1, 1, 1), 1), (polarity_word(2, 2, 1), 2)])
    whole = aedat3(packet, packet)
    for length in range(len(whole)):
        if length == len(whole) - len(packet):
            assert len(read(whole[:length])) == 2  # whole packets: a cut there cannot be seen
            continue
        with pytest.raises(UsageError, match=r"f\.aedat"):
            read(whole[:length])


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (aedat3_packet([(3, 1)], capacity=1000, number=1000), "claims 1000 events of 8 bytes"),
        (aedat3_packet([(3, 1)], capacity=1, number=2), "2 events, 2 valid, room for 1"),
        (aedat3_packet([(3, 1)], capacity=2**30, number=1), "1073741824 events of 8 bytes"),
        (aedat3_packet([(3, 1)], capacity=-1, number=-1), "-1 events"),
        (aedat3_packet([(3, 1)], size=0), "1 events of 0 bytes"),
        (aedat3_packet([(3, 1)], size=4), "polarity events of 4 bytes"),
        (aedat3_packet([(3, 1)], overflow=-1), "time overflow -1"),
        (aedat3_packet([], number=0), "no packet of polarity events"),
    ],
)
def test_broken_packets(packet, message):
    with pytest.raises(UsageError, match=rf"f\.aedat.*{message}"):
        read(aedat3(packet))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!AER-DAT2.0\r\n",
        b"#!AER-DAT3.1\r\n# no end",
        b"#!AER-DAT3.1\r\n" + b"#" * (2 * MAX_HEADER),
        b"#!AER-DAT3.1\r\n" + b"# line\r\n" * MAX_HEADER,
        bytes(range(256)) * 10,
    ],
)
def test_broken_headers(data):
    with pytest.raises(UsageError, match=r"f\.aedat"):
        read(data)
