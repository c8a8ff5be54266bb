"""idx files: by hand, broken in every way, and the real ones."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import ANY, idx, write_mnist

from liafbench.baselines.errors import UsageError
from liafbench.bench.events import reading
from liafbench.bench.events.reading import gunzip, opened, read_file
from liafbench.bench.tasks import load
from liafbench.bench.tasks.common.idx import read_idx

IMAGES = np.arange(12).reshape(3, 2, 2)


def write(path: Path, data: bytes, *, compress: bool = True) -> Path:
    path.write_bytes(gzip.compress(data) if compress else data)
    return path


@pytest.mark.parametrize("compress", [True, False])
def test_bytes_by_hand(tmp_path, compress):
    data = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2, *range(12)])
    path = write(tmp_path / ("a.gz" if compress else "a"), data, compress=compress)
    assert read_idx(path, (2, 2)).tolist() == IMAGES.tolist()


@pytest.mark.parametrize("compress", [True, False])
def test_truncated_at_every_byte(tmp_path, compress):
    whole = gzip.compress(idx(IMAGES)) if compress else idx(IMAGES)
    path = tmp_path / ("cut.gz" if compress else "cut")
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=str(path)):
            read_idx(path, (2, 2))


def test_every_flipped_bit_of_a_compressed_file_is_noticed_or_harmless(tmp_path):
    whole = gzip.compress(idx(IMAGES), mtime=0)
    path = tmp_path / "flipped.gz"
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] ^= 0x10
        path.write_bytes(broken)
        try:
            read = read_idx(path, (2, 2))
        except UsageError:
            continue
        assert read.tolist() == IMAGES.tolist()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            struct.pack(">I", 0x0801) + b"\0" * 20,
            "not an idx file of unsigned bytes in 3",
        ),
        (struct.pack(">4I", 0x0803, 1, 3, 2) + b"\0" * 6, "items of size"),
        (struct.pack(">4I", 0x0803, 2**32 - 1, 2, 2) + b"\0" * 8, "header promises 17179869196"),
        (idx(IMAGES) + b"\0", "29 bytes, its header promises 28"),
        (b"", "truncated"),
    ],
)
def test_headers_that_lie(tmp_path, data, message):
    with pytest.raises(UsageError, match=rf"lie\.gz.*{message}"):
        read_idx(write(tmp_path / "lie.gz", data), (2, 2))


def test_a_gzip_bomb_stops_at_the_bound(tmp_path):
    path = write(tmp_path / "bomb.gz", b"\0" * (1 << 24))
    assert path.stat().st_size < 1 << 15
    with pytest.raises(UsageError, match=r"bomb\.gz unpacks to more than"):
        gunzip(path, 1 << 20)


def test_bytes_after_the_end_are_refused(tmp_path):
    path = tmp_path / "more.gz"
    path.write_bytes(gzip.compress(b"one") + b"\0\0junk")
    with pytest.raises(UsageError, match=r"more\.gz has bytes after the end"):
        gunzip(path, 100)


def test_a_named_pipe_does_not_hang(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(UsageError, match="pipe is not a regular file"):
        read_file(path, 100)


def test_folders_and_dangling_links_are_named(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for path in (tmp_path, tmp_path / "link", tmp_path / "absent"):
        with pytest.raises(UsageError, match=str(path)):
            read_file(path, 100)


def test_a_file_larger_than_its_bound_is_not_read(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="large has 1099511627776 bytes"):
        read_file(path, 100)


def test_a_file_replaced_while_it_is_read_is_noticed(tmp_path):
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"first")
    other.write_bytes(b"other")
    with (
        pytest.raises(UsageError, match="a changed while it was read"),
        opened(path),
    ):
        other.replace(path)
    with (
        pytest.raises(UsageError, match="a vanished while it was read"),
        opened(path),
    ):
        path.unlink()


def test_a_file_that_grows_while_it_is_read_is_noticed(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"first")
    with pytest.raises(UsageError, match="changed"), opened(path), path.open("ab") as more:
        more.write(b"more")


def test_text_that_is_no_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"1 Mary \xff")
    with pytest.raises(UsageError, match=r"a\.txt is not UTF-8 text: byte 7"):
        reading.read_text(path, 100)


def test_images_and_labels_must_match(tmp_path):
    write_mnist(tmp_path / "mnist")
    labels = tmp_path / "mnist" / "train-labels-idx1-ubyte.gz"
    write(labels, idx(np.zeros(7)))
    with pytest.raises(UsageError, match=r"120 images.*7 labels"):
        load("mnist", tmp_path, **ANY)
    write(labels, idx(np.full(120, 10)))
    with pytest.raises(UsageError, match="label 10"):
        load("mnist", tmp_path, **ANY)


def test_uncompressed_files_do_as_well(tmp_path):
    write_mnist(tmp_path / "mnist")
    before = load("mnist", tmp_path, **ANY)
    for path in (tmp_path / "mnist").glob("*.gz"):
        write(path.with_suffix(""), gunzip(path, 10**6), compress=False)
        path.unlink()
    after = load("mnist", tmp_path, **ANY)
    assert np.array_equal(before.train.samples.pixels, after.train.samples.pixels)


@pytest.mark.parametrize(
    ("name", "first", "total"),
    [("mnist", [5, 0, 4, 1, 9], 1_567_298_545), ("fashion-mnist", [9, 0, 0, 3, 0], 3_431_114_169)],
)
def test_real_files(data_dir, name, first, total):
    if not (data_dir / name).is_dir():
        pytest.skip(f"no {name}")
    splits = load(name, data_dir)
    assert [len(splits.train) + len(splits.validation), len(splits.test)] == [60_000, 10_000]
    pixels = splits.train.samples.pixels
    assert pixels.dtype == np.uint8
    labels = {**dict(zip(splits.train.rows, splits.train.targets, strict=True))}
    assert [labels[n] for n in range(5)] == first
    assert int(pixels.sum(dtype=np.int64)) == total
    share = np.bincount(splits.validation.targets) / np.bincount(splits.train.targets)
    assert np.allclose(share, 1 / 9, atol=1e-3)
