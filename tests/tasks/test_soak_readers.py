"""Every reader on damaged and random files: an answer or one UsageError that names the file.

Each target runs for LIAFBENCH_SOAK_SECONDS (60) on files made from valid ones by changing,
cutting, repeating and joining pieces. A case that takes too long or too much memory fails.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import resource
import signal
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import cifar_rows, dvs_recording, gesture_recording, idx
from fabricated_sets import nmnist_recording as nmnist
from raw_recordings import aedat3, aedat3_packet, polarity_word

from liafbench.baselines.errors import UsageError
from liafbench.bench.events import aedat2, atis
from liafbench.bench.events import aedat3 as aedat3_reader
from liafbench.bench.events.cache import FrameCache
from liafbench.bench.events.events import checked
from liafbench.bench.events.frames import Binning, to_frames
from liafbench.bench.events.reading import read_text
from liafbench.bench.tasks.cifar10 import decode
from liafbench.bench.tasks.common.idx import read_idx
from liafbench.bench.tasks.common.stories import parse
from liafbench.bench.tasks.common.tars import unpack
from liafbench.bench.tasks.common.task import Source
from liafbench.bench.tasks.common.trees import Zip
from liafbench.bench.tasks.dvs128_gesture import TASKS as GESTURES
from liafbench.bench.tasks.dvs128_gesture import labels, trials

SECONDS = float(os.environ.get("LIAFBENCH_SOAK_SECONDS", "60"))
HANG_S = 20
MEMORY = 512 << 20
STORY = (
    b"1 Mary went to the kitchen.\n2 Where is Mary? \tkitchen\t1\n1 John left.\n2 Who? \tJohn\t1\n"
)
INTERESTING = (b"\0", b"\xff", b"#", b"\r\n", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"../", b"-1")


def framed(events, side: int) -> None:
    events = checked(events, side, side, "fuzzed")
    frames = to_frames(events, side, side, Binning(4, 5, 5, by="duration"))
    assert frames.sum() == len(events) * Binning(4, 5, 5).parts(side, side)


def from_file(data: bytes, path: Path, read: Callable[[Path], object]) -> None:
    path.write_bytes(data)
    try:
        read(path)
    except UsageError as error:
        if path.name not in str(error):
            raise AssertionError("an error that does not name the file") from error
        raise


def read_zip(path: Path) -> None:
    archive = Zip(path, "")
    for name in archive.names():
        archive.read(name, 1 << 16)


def read_tar(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        unpack(path, Path(folder), 1 << 20)


def read_cache(path: Path) -> None:
    """A damaged entry is made again: what is read has the right shape or is what was damaged."""
    shape = (2, 2, 2, 3, 3)
    cache = FrameCache(path.parent / "frames", 10**6)
    cache.get(["key"], shape, lambda _: [np.ones(shape)])
    (made,) = cache.folder.glob("*.frames")
    made.write_bytes(path.read_bytes())
    assert cache.get(["key"], shape, lambda _: [np.ones(shape)]).frames.shape == shape


def read_lists(path: Path) -> None:
    """Both lists of trials, one damaged."""
    path.with_name("trials_to_test.txt").write_text("user29_lab.aedat\n")
    trials(Source(GESTURES[0], path.parent, "small"), path.parent)


def entry() -> bytes:
    """A whole entry of the frame cache."""
    with tempfile.TemporaryDirectory() as folder:
        cache = FrameCache(Path(folder), 10**6)
        cache.get(["key"], (2, 2, 2, 3, 3), lambda _: [np.ones((2, 2, 2, 3, 3))])
        return next(cache.folder.glob("*.frames")).read_bytes()


def a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Train/0/1.bin", nmnist(0, 20))
        archive.writestr("Train/1/2.bin", nmnist(1, 20))
    return file.getvalue()


def a_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a/1.bin", "a/" + "long" * 40):
            member = tarfile.TarInfo(name)
            member.size = 700
            archive.addfile(member, io.BytesIO(bytes(700)))
    return file.getvalue()


IMAGES = idx(np.arange(24).reshape(6, 2, 2))
PACKET = aedat3_packet([(polarity_word(n, n, 1), n) for n in range(9)])
Reader = Callable[[bytes, Path], object]
TARGETS: dict[str, tuple[list[bytes], Reader]] = {
    "atis": ([nmnist(0)], lambda data, _: framed(atis.decode(data, "fuzzed"), 34)),
    "aedat2": (
        [dvs_recording(0, 20)],
        lambda data, _: framed(aedat2.decode(data, "fuzzed", aedat2.JAER), 128),
    ),
    "aedat3": (
        [gesture_recording(0, 1, 70), aedat3(PACKET, PACKET)],
        lambda data, _: framed(aedat3_reader.decode(io.BytesIO(data), "fuzzed"), 128),
    ),
    "idx": ([IMAGES], lambda data, path: from_file(data, path, lambda p: read_idx(p, (2, 2)))),
    "idx.gz": (
        [gzip.compress(IMAGES)],
        lambda data, path: from_file(data, path.with_suffix(".gz"), lambda p: read_idx(p, (2, 2))),
    ),
    "babi": (
        [STORY],
        lambda data, path: from_file(data, path, lambda p: parse(read_text(p, 1 << 20), str(p))),
    ),
    "cifar-binary": (
        [bytes([1]) + cifar_rows(0, 1)[1].tobytes()],
        lambda data, _: decode(data, "fuzzed"),
    ),
    "zip": ([a_zip()], lambda data, path: from_file(data, path, read_zip)),
    "tar": (
        [a_tar()],
        lambda data, path: from_file(gzip.compress(data, 1), path, read_tar),
    ),
    "tar.gz": ([gzip.compress(a_tar())], lambda data, path: from_file(data, path, read_tar)),
    "labels": (
        [b"class,startTime_usec,endTime_usec\n1,5,10\n11,8,20\n"],
        lambda data, path: from_file(data, path, lambda p: list(labels(p))),
    ),
    "lists": (
        [b"user01_led.aedat\nuser02_natural.aedat\n"],
        lambda data, path: from_file(data, path.with_name("trials_to_train.txt"), read_lists),
    ),
    "cache": ([entry()], lambda data, path: from_file(data, path, read_cache)),
}


def damaged(draw: random.Random, whole: bytes) -> bytes:
    """A file like a valid one: changed, cut, repeated, joined; now and then anything at all."""
    if draw.random() < 0.05:
        return draw.randbytes(draw.randrange(300))
    data = bytearray(whole)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        place = draw.randrange(len(data) + 1)
        kind = draw.randrange(6)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 1 and place < len(data):
            data[place] = draw.randrange(256)
        elif kind == 2:
            del data[place : place + draw.choice((1, 2, 8, 100))]
        elif kind == 3:
            data[place:place] = data[place : place + draw.randrange(1, 64)]
        elif kind == 4:
            piece = draw.choice(INTERESTING)
            data[place : place + len(piece)] = piece
        else:
            del data[place:]
    return bytes(data)


def _hangs(*_: object) -> None:
    raise TimeoutError(f"a case took more than {HANG_S} s")


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("target", TARGETS)
def test_damaged_files(target, tmp_path, record_testsuite_property):
    seeds, read = TARGETS[target]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    draw = random.Random(f"{target} {os.environ.get('LIAFBENCH_SOAK_SEED', 0)}")
    refused = cases = 0
    signal.signal(signal.SIGALRM, _hangs)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        data = damaged(draw, draw.choice(seeds))
        (tmp_path / "culprit").write_bytes(data)  # what lies there last, even when Python dies
        signal.alarm(HANG_S)
        try:
            read(data, tmp_path / "fuzzed")
        except UsageError as error:
            if "\n" in str(error):
                raise AssertionError("an error of two lines") from error
            refused += 1
        finally:
            signal.alarm(0)
        cases += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    record_testsuite_property(target, f"{cases} cases, {refused} refused, {grown >> 20} MB more")
    assert grown < MEMORY
    assert refused > 0 or target == "cache"  # a damaged entry is made again
