"""CIFAR-10: both versions, and pickles that would do more than hold arrays."""

from __future__ import annotations

import os
import pickle
import pickletools
import tarfile

import numpy as np
import pytest
from fabricated_sets import (
    cifar10_pickle,
    cifar_rows,
    write_cifar10_binary,
    write_cifar10_python,
)

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks import load
from liafbench.bench.tasks.cifar10 import decode_binary, decode_python
from liafbench.bench.tasks.common import pickled
from liafbench.bench.tasks.common.pickled import read_pickle


def test_a_row_by_hand():
    row = bytes([7]) + bytes([1] * 1024 + [2] * 1024 + [3] * 1024)
    pixels, labels = decode_binary(row, "f.bin")
    assert labels.tolist() == [7]
    assert pixels.shape == (1, 3, 32, 32)
    assert (
        [pixels[0, c].min() for c in range(3)]
        == [pixels[0, c].max() for c in range(3)]
        == [1, 2, 3]
    )


def test_both_versions_hold_the_same(tmp_path):
    write_cifar10_binary(tmp_path / "a" / "cifar10" / "cifar-10-batches-bin")
    (tmp_path / "b" / "cifar10").mkdir(parents=True)
    write_cifar10_python(tmp_path / "b" / "cifar10" / "cifar-10-python.tar.gz")
    (tmp_path / "c" / "cifar10").mkdir(parents=True)
    with tarfile.open(tmp_path / "b" / "cifar10" / "cifar-10-python.tar.gz") as archive:
        archive.extractall(tmp_path / "c" / "cifar10", filter="data")
    read = [load("cifar10", tmp_path / name, allow_partial=True) for name in "abc"]
    expected = np.concatenate([cifar_rows(seed)[1] for seed in range(5)])
    for splits in read:
        pixels = splits.train.samples.pixels
        assert np.array_equal(pixels.reshape(len(pixels), -1), expected)
        assert np.array_equal(splits.test.targets, cifar_rows(5)[0])
        assert splits.provenance["partial"]
    with pytest.raises(UsageError, match="lacks images of data_batch_1"):
        load("cifar10", tmp_path / "a")


@pytest.mark.parametrize("protocol", [0, 2, 3])
def test_pickles_of_every_protocol_that_python_2_and_3_wrote(protocol):
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    if protocol == 0:
        content = {"labels": [1, 2, -3], "t": (1, (2, 3), None, True)}
    else:
        content = {b"data": array, "labels": [1, 2, 300], "text": "x", "t": ((), 1.0 > 0, None)}
    data = pickle.dumps(content, protocol)
    read = read_pickle(data, "f")
    assert read["labels"] == content["labels"]
    assert read["t"] == content["t"]
    if protocol > 1:
        assert np.array_equal(read["data"], array)


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("hostile-was-here",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_does_not_run(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps({"data": Hostile(), "labels": []}, protocol)
    with pytest.raises(UsageError, match=r"evil\.bin is no pickle of plain arrays"):
        read_pickle(data, "evil.bin")
    assert not (tmp_path / "hostile-was-here").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(K\x01tR.",
        b"\x80\x02}(K\x01K\x02u.",
        b"\x80\x02K\x01.",
        b"\x80\x02]K\x01a.",
        b"\x80\x02}r\xff\xff\xff\xff.",
        b"\x80\x02T\xff\xff\xff\x7fabc.",
        b"\x80\x02\x8a\xffabc.",
        b"\x80\x02u.",
        b"\x80\x020.",
        b"\x80\x02\x85.",
        b"",
    ],
)
def test_odd_pickles_are_refused(data):
    with pytest.raises(UsageError, match=r"f\.bin"):
        decode_python(data, "f.bin")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x02})" + b"\x85" * 150_000 + b"K\x01s.", "a key that is no text"),
        (b"\x80\x02()" + b"\x85" * 150_000 + b"K\x01d.", "a key that is no text"),
        (b"\x80\x02)" + b"\x85" * 100_000 + b")R.", "a call of something that makes no array"),
        (b"\x80\x02" + b"]" * 200_001 + b".", "more than 200000 operations"),
    ],
)
def test_pickles_that_would_exhaust_the_stack_or_the_memory(monkeypatch, data, message):
    monkeypatch.setattr(pickled, "MAX_OPERATIONS", 200_000)
    with pytest.raises(UsageError, match=rf"f\.bin is no pickle of plain arrays: .*{message}"):
        read_pickle(data, "f.bin")


@pytest.mark.parametrize("kind", ["u2", "f8", "O", "S3"])
def test_arrays_of_other_types_are_refused(kind):
    data = pickle.dumps({"data": np.zeros((1, 3072), kind), "labels": [0]}, 2)
    with pytest.raises(UsageError, match=r"f\.bin"):
        decode_python(data, "f.bin")


def test_a_pickle_truncated_at_any_byte_is_refused():
    data = pickle.dumps({"labels": [1, 2]}, 2)
    for length in range(len(data)):
        with pytest.raises(UsageError, match=r"cut\.bin"):
            read_pickle(data[:length], "cut.bin")


def test_the_pickle_written_by_hand_is_one():
    theirs = pickle.loads(cifar10_pickle(0), encoding="bytes")
    pixels, labels = decode_python(cifar10_pickle(0), "f")
    assert np.array_equal(theirs[b"data"], pixels.reshape(30, 3072))
    assert theirs[b"labels"] == labels.tolist()


def test_only_operations_that_cifar_10_needs_are_known():
    names = {operation.name for operation, _, _ in pickletools.genops(cifar10_pickle(0))}
    assert "REDUCE" in names
    assert decode_python(cifar10_pickle(0), "f")[0].shape == (30, 3, 32, 32)


@pytest.mark.parametrize("length", [0, 1, 3072, 3074, 2 * 3073 - 1])
def test_truncated_binary_files(length):
    with pytest.raises(UsageError, match=r"f\.bin is empty or truncated"):
        decode_binary(bytes(length), "f.bin")


def test_labels_out_of_range():
    with pytest.raises(UsageError, match="label 10"):
        decode_binary(bytes([10]) + bytes(3072), "f.bin")
