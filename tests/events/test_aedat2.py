"""AEDAT 2.0 against bytes written by hand and against tonic's reader."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_recordings import AEDAT2_HEADER, aedat2, jaer_address
from tonic.io import get_aer_events_from_file, read_aedat_header_from_file

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.aedat2 import JAER, MAX_HEADER, TRANSPOSED, decode
from liafbench.bench.events.events import checked


def test_bits_of_an_address_in_both_orientations():
    word = 0b0_1010101_0000011_0  # row or column 85, the other 3, ON
    data = aedat2([(word, 7)])
    shown, turned = decode(data, "f", JAER), decode(data, "f", TRANSPOSED)
    assert (shown.x[0], shown.y[0], shown.t[0], shown.p[0]) == (124, 42, 7, 1)
    assert (turned.x[0], turned.y[0], turned.t[0], turned.p[0]) == (42, 124, 7, 1)


def test_polarity_bit_set_is_off():
    assert decode(aedat2([(1, 0)]), "f", JAER).p.tolist() == [0]


@given(
    st.lists(
        st.tuples(st.integers(0, 127), st.integers(0, 127), st.integers(0, 1)),
        min_size=1,
        max_size=50,
    )
)
def test_every_address_survives(pixels):
    words = [(jaer_address(a, b, p), t) for t, (a, b, p) in enumerate(pixels)]
    events = decode(aedat2(words), "f", JAER)
    read = np.stack([127 - events.x.astype(int), 127 - events.y.astype(int), events.p], axis=1)
    assert read.tolist() == [list(pixel) for pixel in pixels]


def test_equals_tonic(tmp_path: Path):
    rng = np.random.default_rng(0)
    words = [(int(a), int(t)) for t, a in enumerate(rng.integers(0, 1 << 15, 500))]
    path = tmp_path / "a.aedat"
    path.write_bytes(aedat2(words))
    version, start, _ = read_aedat_header_from_file(str(path))
    theirs = get_aer_events_from_file(str(path), version, start)
    ours = decode(path.read_bytes(), str(path), TRANSPOSED)
    assert np.array_equal(127 - ours.x.astype(int), theirs["address"] >> 8 & 127)
    assert np.array_equal(127 - ours.y.astype(int), theirs["address"] >> 1 & 127)
    assert np.array_equal(1 - ours.p.astype(int), theirs["address"] & 1)
    assert np.array_equal(ours.t, theirs["timeStamp"])


def test_triggers_and_foreign_bits_are_dropped_and_counted():
    words = [(2, 1), (4, 2), (1 << 15, 3), (1 << 31, 4), (6, 5)]
    events = decode(aedat2(words), "f", JAER)
    assert events.t.tolist() == [1, 2, 5]
    assert events.repairs == {"not a pixel": 2}


def test_data_that_begins_like_a_comment_is_data():
    words = [(0x23000002, 1), (2, 2), (4, 3)]
    assert aedat2(words)[len(AEDAT2_HEADER) : len(AEDAT2_HEADER) + 1] == b"#"
    events = decode(aedat2(words), "f", JAER)
    assert events.t.tolist() == [2, 3]
    assert events.repairs == {"not a pixel": 1}


def test_a_header_line_need_not_be_ascii():
    header = AEDAT2_HEADER + "# created \u4e2d\u6587, s\u00e1b\r\n".encode()
    assert decode(aedat2([(2, 1), (4, 2)], header), "f", JAER).t.tolist() == [1, 2]


def test_time_may_wrap():
    top = (1 << 32) - 1
    data = aedat2([(2, top - 1), (2, top), (2, 0), (2, 5)])
    events = checked(decode(data, "f", JAER), 128, 128, "f")
    assert events.t.tolist() == [top - 1, top, top + 1, top + 6]
    assert not events.repairs


def test_small_steps_back_are_sorted_and_counted():
    events = checked(decode(aedat2([(2, 10), (2, 30), (2, 20), (2, 40)]), "f", JAER), 128, 128, "f")
    assert events.t.tolist() == [10, 20, 30, 40]
    assert events.repairs == {"out of order": 1}


def test_truncated_at_every_byte():
    whole = aedat2([(jaer_address(i, i, 1), i) for i in range(3)])
    read = 0
    for length in range(len(whole)):
        # A cut between events cannot be seen.
        if length > len(AEDAT2_HEADER) and (length - len(AEDAT2_HEADER)) % 8 == 0:
            read += len(decode(whole[:length], "cut.aedat", JAER))
        else:
            with pytest.raises(UsageError, match=r"cut\.aedat"):
                decode(whole[:length], "cut.aedat", JAER)
    assert read == 1 + 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an AEDAT 2.0"),
        (b"#!AER-DAT3.1\r\n", "not an AEDAT 2.0"),
        (b"\x00" * 64, "not an AEDAT 2.0"),
        (b"#!AER-DAT2.0", "never ends"),
        (b"#!AER-DAT2.0\r\n#" + b"a" * 5000, "never ends"),
        (b"#!AER-DAT2.0\r\n" + b"# more\r\n" * (MAX_HEADER // 8 + 1), "header of more than"),
        (b"#!AER-DAT2.0\r\n", "empty or truncated"),
    ],
)
def test_broken_headers(data, message):
    with pytest.raises(UsageError, match=f"x.aedat.*{message}"):
        decode(data, "x.aedat", JAER)


def test_bytes_of_another_sensor_are_refused():
    data = aedat2([(0xFFFF0000 + i, i) for i in range(5)] + [(2, 9)])
    with pytest.raises(UsageError, match=r"only 1 of 6 events are usable"):
        checked(decode(data, "f.aedat", JAER), 128, 128, "f.aedat")


def test_order_of_bytes():
    data = AEDAT2_HEADER + struct.pack(">II", 2, 0x01020304)
    assert decode(data, "f", JAER).t.tolist() == [0x01020304]
