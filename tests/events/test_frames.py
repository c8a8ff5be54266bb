"""Events to frames against a loop over events, and the properties of every binning."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.events import Events
from liafbench.bench.events.frames import Binning, to_frames


def make(rows) -> Events:
    x, y, t, p = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Events(x, y, t, p)


def random_events(seed: int, count: int, side: int) -> Events:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, side, (2, count))
    t = np.sort(rng.integers(0, 5000, count))
    return Events(x, y, t, rng.integers(0, 2, count))


def by_loop(events: Events, side: int, frame_of: list[int | None], frames: int, cells: int):
    """Exact shares of a pixel in the cells that it overlaps, one event after the other."""
    made = np.full((frames, 2, cells, cells), Fraction(0))
    scale = Fraction(cells, side)
    for frame, x, y, p in zip(frame_of, events.x, events.y, events.p, strict=True):
        if frame is None:
            continue
        for row in range(cells):
            for column in range(cells):
                share = Fraction(1)
                for pixel, cell in ((int(y), row), (int(x), column)):
                    low, high = max(pixel * scale, cell), min((pixel + 1) * scale, cell + 1)
                    share *= max(high - low, Fraction(0)) / scale
                made[frame, int(p), row, column] += share
    return made


@pytest.mark.parametrize("cells", [8, 4, 2, 5, 3])
def test_scaling_by_area_equals_exact_fractions(cells):
    events = random_events(cells, 60, 8)
    binning = Binning(3, cells, cells, by="count")
    frames = to_frames(events, 8, 8, binning)
    frame_of = [i * 3 // 60 for i in range(60)]
    parts = binning.parts(8, 8)
    assert (frames == parts * by_loop(events, 8, frame_of, 3, cells)).all()
    assert frames.sum() == 60 * parts


def test_odd_sizes_of_a_sensor_that_is_not_square():
    events = make([(0, 0, 1, 0), (2, 1, 2, 1)])
    binning = Binning(1, 2, 2, by="count")
    frames = to_frames(events, 2, 3, binning)
    assert binning.parts(2, 3) == 2
    assert frames[0, 0].tolist() == [[2, 0], [0, 0]]
    assert frames[0, 1].tolist() == [[0, 0], [0, 2]]


@given(st.integers(1, 200), st.integers(1, 12))
def test_equal_counts_differ_by_at_most_one(count, steps):
    frames = to_frames(random_events(0, count, 4), 4, 4, Binning(steps, 4, 4, by="count"))
    sizes = frames.sum(axis=(1, 2, 3))
    assert sizes.sum() == count
    assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.integers(1, 9))
def test_equal_spans_equal_a_division_per_event(times, steps):
    times = sorted(times)
    events = make([(0, 0, t, 0) for t in times])
    frames = to_frames(events, 1, 1, Binning(steps, 1, 1, by="duration"))
    span = times[-1] - times[0] + 1
    expected = np.bincount([(t - times[0]) * steps // span for t in times], minlength=steps)
    assert frames[:, 0, 0, 0].tolist() == expected.tolist()


def test_the_latest_times_do_not_overflow():
    events = make([(0, 0, 0, 1), (0, 0, 2**62, 1)])
    frames = to_frames(events, 1, 1, Binning(60, 1, 1, by="duration"))
    assert frames[:, 1, 0, 0].tolist() == [1, *[0] * 58, 1]
    far = Binning(2, 1, 1, by="window", window_us=2**62)
    assert to_frames(events, 1, 1, far, start=2**62)[:, 1, 0, 0].tolist() == [1, 0]


def test_windows_begin_at_the_first_event_or_where_told_and_leave_out_the_rest():
    events = make([(0, 0, t, 1) for t in (100, 109, 110, 119, 120, 500)])
    binning = Binning(2, 1, 1, by="window", window_us=10)
    assert to_frames(events, 1, 1, binning)[:, 1, 0, 0].tolist() == [2, 2]
    assert to_frames(events, 1, 1, binning, start=95)[:, 1, 0, 0].tolist() == [1, 2]
    assert to_frames(events, 1, 1, binning, start=600).sum() == 0


def test_binary_and_clipped_values():
    events = make([(0, 0, t, 0) for t in range(5)] + [(1, 1, 9, 1)])
    binary = to_frames(events, 2, 2, Binning(1, 2, 2, values="binary"))
    clipped = to_frames(events, 2, 2, Binning(1, 2, 2, values="clipped", clip=3))
    assert binary[0].tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]
    assert clipped[0].tolist() == [[[3, 0], [0, 0]], [[0, 0], [0, 1]]]


def test_clip_means_events_also_when_scaled_unevenly():
    events = make([(0, 0, t, 0) for t in range(9)])
    binning = Binning(1, 2, 2, values="clipped", clip=3)
    frames = to_frames(events, 3, 3, binning)
    assert frames.max() / binning.parts(3, 3) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": "cuont"}, "did you mean 'count'"),
        ({"values": "binry"}, "did you mean 'binary'"),
        ({"time_steps": 0}, "frames of 0"),
        ({"by": "window"}, "needs window_us"),
        ({"window_us": 5}, "needs window_us"),
        ({"by": "window", "window_us": 0}, "needs window_us"),
        ({"values": "clipped"}, "need clip"),
        ({"clip": 3}, "need clip"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(UsageError, match=message):
        Binning(**{"time_steps": 2, "height": 2, "width": 2, **settings})
