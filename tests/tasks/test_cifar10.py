"""CIFAR-10: rows, labels, files that are lacking or rebuilt, the archive."""

from __future__ import annotations

import tarfile

import numpy as np
import pytest
from fabricated_sets import ANY, cifar_rows, write_cifar10_binary

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks import check, load
from liafbench.bench.tasks.cifar10 import FOLDER, decode


def test_a_row_by_hand():
    row = bytes([7]) + bytes([1] * 1024 + [2] * 1024 + [3] * 1024)
    pixels, labels = decode(row, "f.bin")
    assert labels.tolist() == [7]
    assert pixels.shape == (1, 3, 32, 32)
    for channel, value in enumerate((1, 2, 3)):
        assert (pixels[0, channel] == value).all()


def test_the_files_are_joined_in_order(tmp_path):
    write_cifar10_binary(tmp_path / "cifar10" / FOLDER)
    splits = load("cifar10", tmp_path, **ANY)
    pixels = splits.train.samples.pixels
    expected = np.concatenate([cifar_rows(seed)[1] for seed in range(5)])
    assert np.array_equal(pixels.reshape(len(pixels), -1), expected)
    assert np.array_equal(splits.test.targets, cifar_rows(5)[0])
    assert splits.provenance["partial"]
    assert splits.provenance["unofficial"]
    with pytest.raises(UsageError, match=r"not the official file .*allow_unofficial"):
        load("cifar10", tmp_path, allow_partial=True)
    with pytest.raises(UsageError, match=r"lacks images of data_batch_1\.bin, .*allow_partial"):
        load("cifar10", tmp_path, allow_unofficial=True)


def test_an_archive_must_be_unpacked_first(tmp_path):
    folder = tmp_path / "cifar10"
    write_cifar10_binary(folder / FOLDER)
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for path in sorted((folder / FOLDER).iterdir()):
            archive.add(path, f"{FOLDER}/{path.name}")
            path.unlink()
    with pytest.raises(UsageError, match="`liafbench data fetch cifar10`, which unpacks it"):
        load("cifar10", tmp_path, **ANY)
    (state,) = check(tmp_path, ["cifar10"])
    assert state.state == "partial"
    assert "cifar-10-binary.tar.gz is not unpacked" in state.detail


@pytest.mark.parametrize("length", [0, 1, 3072, 3074, 2 * 3073 - 1])
def test_truncated_files(length):
    with pytest.raises(UsageError, match=r"f\.bin is empty or truncated"):
        decode(bytes(length), "f.bin")


def test_labels_out_of_range():
    with pytest.raises(UsageError, match="label 10"):
        decode(bytes([10]) + bytes(3072), "f.bin")


def test_the_rebuilt_files_are_named(data_dir):
    if not (data_dir / "cifar10" / FOLDER / "test_batch.bin").exists():
        pytest.skip("no CIFAR-10")
    if check(data_dir, ["cifar10"])[0].state != "unofficial":
        pytest.skip("these are the official files")
    with pytest.raises(UsageError, match=r"data_batch_1\.bin: sha1 is .*, expected aadd24ac"):
        load("cifar10", data_dir, allow_partial=True)
    provenance = load("cifar10", data_dir, **ANY).provenance
    assert provenance["unofficial"]
    assert "not the official file: data_batch_1.bin; test_batch.bin" in provenance["note"]
