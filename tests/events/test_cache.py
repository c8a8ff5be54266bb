"""The frame cache: never stale, bounded, whole or absent, safe to build twice at once."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import liafbench.bench.events
import liafbench.bench.events.cache as cache_module
from liafbench.baselines.errors import UsageError
from liafbench.bench.events import checksums
from liafbench.bench.events.cache import HEADER_BYTES, FrameCache, cache_bound, code_version

SHAPE = (4, 2, 2, 3, 3)


def chunks(value: int, made: list[int] | None = None):
    def make(repairs: Counter[str]):
        if made is not None:
            made.append(value)
        repairs["out of order"] += value
        for number in range(SHAPE[0]):
            yield np.full(SHAPE[1:], value + number)

    return make


@pytest.fixture
def cache(tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "frames", 10**6)


def test_an_entry_is_made_once_and_read_back(cache):
    made: list[int] = []
    for _ in range(2):
        entry = cache.get(["key"], SHAPE, chunks(7, made))
        assert entry.frames.dtype == np.uint8
        assert entry.frames[:, 0, 0, 0, 0].tolist() == [7, 8, 9, 10]
        assert entry.repairs == {"out of order": 7}
    assert made == [7]


def test_another_key_is_another_entry(cache):
    assert cache.get(["T=1"], SHAPE, chunks(1)).frames[0, 0, 0, 0, 0] == 1
    assert cache.get(["T=2"], SHAPE, chunks(2)).frames[0, 0, 0, 0, 0] == 2


@pytest.mark.parametrize(("value", "kind"), [(252, "u1"), (254, "u2"), (65534, "u4")])
def test_the_type_grows_when_counts_do(cache, value, kind):
    frames = cache.get(["key"], SHAPE, chunks(value)).frames
    assert frames.dtype == np.dtype(kind)
    assert frames[:, 1, 1, 2, 2].tolist() == [value, value + 1, value + 2, value + 3]


def test_a_damaged_entry_is_made_again(cache):
    cache.get(["key"], SHAPE, chunks(1))
    (path,) = cache.folder.glob("*.frames")
    for length in (0, 5, 100, path.stat().st_size - 1):
        path.write_bytes(path.read_bytes()[:length])
        made: list[int] = []
        assert cache.get(["key"], SHAPE, chunks(1, made)).frames[3, 0, 0, 0, 0] == 4
        assert made == [1]


def only(cache: FrameCache) -> Path:
    (path,) = cache.folder.glob("*.frames")
    return path


def zeros(cache: FrameCache) -> None:
    """The header as it was, no events."""
    whole = only(cache).read_bytes()
    only(cache).write_bytes(whole[:HEADER_BYTES] + bytes(len(whole) - HEADER_BYTES))


def one_cell(cache: FrameCache) -> None:
    whole = bytearray(only(cache).read_bytes())
    whole[-1] ^= 1
    only(cache).write_bytes(whole)


def sums_that_fit(cache: FrameCache) -> None:
    """Zeros under a header that has their checksum: only the signature is not theirs."""
    header = json.loads(only(cache).read_bytes()[:HEADER_BYTES])
    cells = bytes(math.prod(SHAPE))
    header["content"] = hashlib.sha256(cells).hexdigest()
    only(cache).write_bytes(json.dumps(header).encode().ljust(HEADER_BYTES) + cells)


def another_entry(cache: FrameCache) -> None:
    mine = only(cache)
    kept = mine.read_bytes()
    cache.get(["other"], SHAPE, chunks(9))
    (theirs,) = set(cache.folder.glob("*.frames")) - {mine}
    theirs.replace(mine)
    assert kept != mine.read_bytes()


def a_pipe(cache: FrameCache) -> None:
    path = only(cache)
    path.unlink()
    os.mkfifo(path)


def a_key_that_others_read(cache: FrameCache) -> None:
    (cache.folder / "key").chmod(0o644)


def a_pipe_for_the_key(cache: FrameCache) -> None:
    (cache.folder / "key").unlink()
    os.mkfifo(cache.folder / "key", 0o600)


def a_key_of_somebody(cache: FrameCache) -> None:
    (cache.folder / "key").write_bytes(bytes(32))


@pytest.mark.parametrize(
    "plant",
    [
        zeros, one_cell, sums_that_fit, another_entry, a_pipe,
        a_key_that_others_read, a_pipe_for_the_key, a_key_of_somebody,
    ],
)  # fmt: skip
def test_what_was_planted_is_never_used(cache, plant):
    cache.get(["key"], SHAPE, chunks(1))
    plant(cache)
    made: list[int] = []
    frames = cache.get(["key"], SHAPE, chunks(1, made)).frames
    assert made == [1]
    assert frames[:, 0, 0, 0, 0].tolist() == [1, 2, 3, 4]


def test_a_folder_in_place_of_an_entry_is_one_line(cache):
    cache.get(["key"], SHAPE, chunks(1))
    path = only(cache)
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="cannot write the frame cache"):
        cache.get(["key"], SHAPE, chunks(1))


def test_a_cache_that_can_only_be_read_is_read(cache, monkeypatch):
    cache.get(["key"], SHAPE, chunks(1))
    os.utime(only(cache), (1, 1))

    def denied(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "utime", denied)
    made: list[int] = []
    assert cache.get(["key"], SHAPE, chunks(1, made)).frames[3, 0, 0, 0, 0] == 4
    assert made == []


def test_the_checksum_of_an_entry_is_remembered(cache, monkeypatch):
    cache.get(["key"], SHAPE, chunks(1))
    monkeypatch.setattr(checksums, "SETTLED_S", -1)
    read = []
    real = checksums.file_checksum
    monkeypatch.setattr(checksums, "file_checksum", lambda *a: read.append(a) or real(*a))
    for _ in range(3):
        cache.get(["key"], SHAPE, chunks(1))
    assert len(read) == 1


def test_a_failure_leaves_nothing_behind(cache):
    def broken(_: Counter[str]):
        yield np.zeros(SHAPE[1:])
        raise UsageError("file f is broken")

    with pytest.raises(UsageError, match="file f is broken"):
        cache.get(["key"], SHAPE, broken)
    assert list(cache.folder.iterdir()) == []


def test_too_few_frames_are_an_error_and_no_entry(cache):
    with pytest.raises(ValueError, match="announced"):
        cache.get(["key"], SHAPE, lambda _: iter([np.zeros(SHAPE[1:])]))
    assert list(cache.folder.glob("*.frames")) == []


def test_the_least_recently_used_go_when_the_bound_is_reached(tmp_path):
    size = HEADER_BYTES + int(np.prod(SHAPE))
    cache = FrameCache(tmp_path, 3 * size)
    for number in range(3):
        cache.get([number], SHAPE, chunks(number))
        path = next(p for p in tmp_path.glob("*.frames") if p.stat().st_mtime > 10**6)
        os.utime(path, (number, number))
    cache.get([0], SHAPE, chunks(0))  # used again: now the newest
    cache.get([3], SHAPE, chunks(3))
    made: list[int] = []
    for number in (0, 2, 3):
        cache.get([number], SHAPE, chunks(number, made))
    assert made == []
    cache.get([1], SHAPE, chunks(1, made))
    assert made == [1]
    assert sum(path.stat().st_size for path in tmp_path.glob("*.frames")) <= 3 * size


def test_an_entry_that_the_bound_cannot_hold_is_refused(tmp_path):
    with pytest.raises(UsageError, match="LIAFBENCH_CACHE_GB"):
        FrameCache(tmp_path, 100).get(["key"], SHAPE, chunks(1))


def test_clear_removes_entries_and_nothing_else(cache):
    cache.get(["key"], SHAPE, chunks(1))
    other = cache.folder / "notes.frames"
    other.write_text("mine")
    assert cache.clear() > int(np.prod(SHAPE))
    assert set(cache.folder.glob("*.*")) - set(cache.folder.glob("checksums.*")) == {other}


def test_what_a_killed_process_left_goes_after_a_day(cache):
    cache.get(["key"], SHAPE, chunks(1))
    left = cache.folder / f"{'0' * 64}.abc.tmp"
    left.write_bytes(b"half")
    cache.get(["other"], SHAPE, chunks(1))
    assert left.exists()
    os.utime(left, (1, 1))
    cache.get(["third"], SHAPE, chunks(1))
    assert not left.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UsageError, match=r"cannot write the frame cache .*LIAFBENCH_CACHE"):
        FrameCache(blocked / "inside", 10**6).get(["key"], SHAPE, chunks(1))


def test_a_full_disk_is_one_clear_error():
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with pytest.raises(OSError, match="No space left"):
        cache_module._write_frames(Path("/dev/full"), SHAPE, chunks(1))


@pytest.mark.parametrize("text", ["much", "-1", "inf", "nan"])
def test_a_bound_that_is_no_number(monkeypatch, text):
    monkeypatch.setenv("LIAFBENCH_CACHE_GB", text)
    with pytest.raises(UsageError, match="LIAFBENCH_CACHE_GB"):
        cache_bound()


def test_the_code_version_changes_with_the_code(tmp_path, monkeypatch):
    package = tmp_path / "package"
    package.mkdir()
    module = package / "frames.py"
    module.write_text("a = 1")
    monkeypatch.setattr(liafbench.bench.events, "__path__", [str(package)])
    before = code_version()
    module.write_text("a = 2")
    assert code_version() != before
    assert code_version(str(module)) != code_version()


def _build(folder: str, start: float) -> int:
    time.sleep(max(0, start - time.time()))

    def slow(repairs: Counter[str]):
        for chunk in chunks(5)(repairs):
            time.sleep(0.02)
            yield chunk

    return int(FrameCache(Path(folder), 10**6).get(["key"], SHAPE, slow).frames.sum())


def test_two_processes_build_it_at_once(tmp_path):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        start = time.time() + 0.2
        sums = pool.starmap(_build, [(str(tmp_path), start)] * 4)
    assert sums == [(5 + 6 + 7 + 8) * 36] * 4
    assert len(list(tmp_path.glob("*.frames"))) == 1
    assert list(tmp_path.glob("*.tmp")) == []
