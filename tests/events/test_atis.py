"""N-MNIST recordings against bytes written by hand, against tonic, and the real files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_recordings import atis
from tonic.io import events_struct, read_mnist_file

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.atis import decode
from liafbench.bench.events.events import checked


def rows(events) -> list[tuple[int, int, int, int]]:
    return list(zip(*(a.tolist() for a in (events.x, events.y, events.t, events.p)), strict=True))


def test_bytes_written_by_hand():
    data = bytes([10, 30, 0x80, 0x03, 0xA9]) + bytes([33, 20, 0x7F, 0xFF, 0xFF])
    assert rows(decode(data, "hand")) == [(10, 30, 937, 1), (33, 20, 0x7FFFFF, 0)]


def test_every_field_survives():
    events = [
        (x, y, t, p) for x in (0, 33) for y in (0, 33) for t in (0, 1, 0x7FFFFF) for p in (0, 1)
    ]
    assert rows(decode(atis(events), "all")) == events


def test_overflow_rows_shift_what_follows():
    data = atis([(1, 2, 100, 1), (0, 240, 0, 0), (3, 4, 5, 0), (0, 240, 0, 0), (5, 6, 7, 1)])
    expected = [(1, 2, 100, 1), (3, 4, 5 + 8192, 0), (5, 6, 7 + 16384, 1)]
    assert rows(decode(data, "overflow")) == expected


@given(st.binary(min_size=5, max_size=400).map(lambda b: b[: len(b) // 5 * 5]))
def test_equals_tonic_on_any_bytes(data):
    theirs = read_mnist_file(io.BytesIO(data), events_struct, is_stream=True)
    ours = decode(data, "random")
    assert rows(ours) == [(int(e["x"]), int(e["y"]), int(e["t"]), int(e["p"])) for e in theirs]


@pytest.mark.parametrize("length", range(15))
def test_truncated_at_every_byte(length):
    data = atis([(1, 2, 3, 0), (4, 5, 6, 1), (7, 8, 9, 0)])[:length]
    if length and length % 5 == 0:
        assert len(decode(data, "cut.bin")) == length // 5
    else:
        with pytest.raises(UsageError, match=r"cut\.bin is empty or truncated"):
            decode(data, "cut.bin")


def test_addresses_outside_the_sensor_are_dropped_and_counted():
    good = [(x, 5, x, 1) for x in range(10)]
    events = checked(decode(atis([*good, (34, 0, 11, 0), (0, 200, 12, 0)]), "f"), 34, 34, "f")
    assert rows(events) == good
    assert events.repairs == {"outside sensor": 2}


def test_mostly_outside_is_another_format():
    data = atis([(1, 1, 1, 1), (200, 1, 2, 1), (200, 1, 3, 1)])
    with pytest.raises(UsageError, match=r"junk\.bin is not a recording of a 34x34 sensor"):
        checked(decode(data, "junk.bin"), 34, 34, "junk.bin")


def test_only_overflows_is_no_recording():
    with pytest.raises(UsageError, match=r"o\.bin has no event"):
        checked(decode(atis([(0, 240, 0, 0)] * 3), "o.bin"), 34, 34, "o.bin")


def test_times_that_run_backwards_are_sorted_and_counted():
    data = atis([(1, 1, 10, 0), (2, 2, 30, 0), (3, 3, 20, 1), (4, 4, 40, 1)])
    events = checked(decode(data, "f"), 34, 34, "f")
    assert events.t.tolist() == [10, 20, 30, 40]
    assert events.x.tolist() == [1, 3, 2, 4]
    assert events.repairs == {"out of order": 1}


def test_all_real_recordings_equal_tonic(data_dir: Path):
    paths = sorted((data_dir / "nmnist").glob("T*/*/*.bin"))
    if not paths:
        pytest.skip("no N-MNIST recordings")
    for path in paths:
        ours = decode(path.read_bytes(), str(path))
        theirs = read_mnist_file(str(path), events_struct)
        for name in "xytp":
            assert np.array_equal(getattr(ours, name), theirs[name]), path
        assert len(ours) == np.count_nonzero(np.fromfile(path, np.uint8)[1::5] != 240)


def test_first_events_of_a_known_recording(data_dir: Path):
    path = data_dir / "nmnist" / "Train" / "0" / "00002.bin"
    if not path.exists():
        pytest.skip("no N-MNIST recordings")
    events = decode(path.read_bytes(), str(path))
    assert rows(events)[:3] == [(10, 30, 937, 1), (33, 20, 1030, 1), (12, 27, 1052, 1)]
