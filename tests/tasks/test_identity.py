"""A set is whole when every recording is there once, under its own name, class and side."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import ANY, dvs_recording, nmnist_recording, write_gestures, write_nmnist

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks import check, load, nmnist


def refused(name: str, folder: Path, *parts: str) -> None:
    """Loading and checking both name the fault."""
    with pytest.raises(UsageError) as raised:
        load(name, folder, **ANY)
    (state,) = check(folder, [name])
    assert state.state == "corrupt"
    for part in parts:
        assert part in str(raised.value)
        assert part in state.detail
    assert "\n" not in str(raised.value)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    write_nmnist(tmp_path / "nmnist")
    return tmp_path


@pytest.fixture
def planes(tmp_path: Path) -> Path:
    folder = tmp_path / "cifar10-dvs"
    for label, name in enumerate(("airplane", "cat")):
        (folder / name).mkdir(parents=True)
        for number in (0, 1, 9, 999):
            data = dvs_recording(1000 * label + number)
            (folder / name / f"cifar10_{name}_{number}.aedat").write_bytes(data)
    return tmp_path


def test_a_recording_under_two_digits_is_named(digits):
    train = digits / "nmnist" / "Train"
    shutil.copy(train / "3" / "00004.bin", train / "5" / "00004.bin")
    refused("nmnist", digits, "3/00004.bin", "5/00004.bin", "are one recording")


def test_a_class_unzipped_twice_is_named(planes):
    folder = planes / "cifar10-dvs" / "airplane"
    shutil.copytree(folder, planes / "copy")
    (planes / "copy").rename(folder / "airplane")
    refused("cifar10-dvs", planes, "airplane/cifar10_airplane_0.aedat", "are one recording")


@pytest.mark.parametrize("name", ["cifar10-dvs", "mnist-dvs"])
def test_a_recording_in_the_folder_of_another_class_is_named(tmp_path, fabricated, name):
    shutil.copytree(fabricated / name, tmp_path / name)
    paths = sorted((tmp_path / name).rglob("*.aedat"))
    path = paths[0].rename(paths[-1].parent / paths[0].name)
    refused(name, tmp_path, str(path), "is in the folder of another class")


def test_the_same_content_in_training_and_test_is_named(digits):
    first = digits / "nmnist" / "Train" / "3" / "00004.bin"
    shutil.copy(first, digits / "nmnist" / "Test" / "3" / "00004.bin")
    with pytest.raises(UsageError, match=r"Train/3/00004\.bin and .*Test/3/00004\.bin have the sa"):
        load("nmnist", digits, **ANY)


def test_the_same_content_in_two_classes_is_named(planes):
    folder = planes / "cifar10-dvs"
    shutil.copy(folder / "airplane/cifar10_airplane_0.aedat", folder / "cat/cifar10_cat_0.aedat")
    with pytest.raises(UsageError, match=r"airplane_0\.aedat and .*cat_0\.aedat have the same"):
        load("cifar10-dvs", planes, **ANY)


def test_the_same_content_in_a_zip_is_named(digits):
    folder = digits / "nmnist"
    shutil.copy(folder / "Train" / "3" / "00004.bin", folder / "Train" / "5" / "00006.bin")
    with zipfile.ZipFile(folder / "Train.zip", "w") as archive:
        for path in (folder / "Train").glob("*/*.bin"):
            archive.write(path, f"Train/{path.parent.name}/{path.name}")
    shutil.rmtree(folder / "Train")
    with pytest.raises(UsageError, match=r"3/00004\.bin and .*5/00006\.bin have the same content"):
        load("nmnist", digits, **ANY)


def test_the_same_trial_on_two_sides_is_named(tmp_path):
    write_gestures(tmp_path / "dvs128-gesture")
    folder = tmp_path / "dvs128-gesture"
    shutil.copy(folder / "user01_led.aedat", folder / "user12_led.aedat")
    with pytest.raises(UsageError, match=r"user01_led\.aedat and .*user12_led\.aedat have the sa"):
        load("dvs128-gesture", tmp_path, **ANY)


def small_nmnist(monkeypatch: pytest.MonkeyPatch, labels: list[int]) -> None:
    """N-MNIST with these digits, in training and in test."""
    header = bytes((0, 0, 8, 1, 0, 0, 0, len(labels)))
    checksum = hashlib.sha256(header + bytes(labels)).hexdigest()
    for part, known in nmnist.DIGITS.items():
        small = replace(known, numbers=len(labels), labels=checksum)
        monkeypatch.setitem(nmnist.DIGITS, part, small)


def test_a_whole_set_has_the_classes_of_mnist(tmp_path, monkeypatch):
    labels = [n % 3 for n in range(20)]
    small_nmnist(monkeypatch, labels)
    for shift, part in ((0, "Train"), (100, "Test")):
        for number, label in enumerate(labels, 1):
            path = tmp_path / "nmnist" / part / str(label) / f"{number:05d}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(nmnist_recording(number + shift))
    splits = load("nmnist", tmp_path)  # nothing has to be allowed
    assert not splits.provenance["partial"]
    assert list(map(len, splits)) == [20, 0, 20]
    train = tmp_path / "nmnist" / "Train"
    (train / "2" / "00003.bin").rename(train / "0" / "00003.bin")
    with pytest.raises(UsageError, match="Train has recordings in the folder of another class"):
        load("nmnist", tmp_path)
    (train / "0" / "00003.bin").rename(train / "2" / "00021.bin")  # as many, of other numbers
    with pytest.raises(UsageError, match=r"Train has 20 of 20 recordings.*allow a partial set"):
        load("nmnist", tmp_path)
    assert load("nmnist", tmp_path, **ANY).provenance["partial"]


def test_a_file_of_another_format_is_no_recording(digits):
    """As long as records of five bytes, and without an order of time."""
    path = digits / "nmnist" / "Train" / "3" / "00004.bin"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(5 * 400 - 8))
    data = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 5).copy()
    data[:, :2] %= 34
    path.write_bytes(data.tobytes())
    with pytest.raises(UsageError, match=r"3/00004\.bin is not a recording: .* backwards in time"):
        load("nmnist", digits, **ANY)


def test_the_derived_recordings_are_read_and_are_never_whole(data_dir):
    folder = data_dir / "nmnist-derived"
    if not folder.is_dir():
        pytest.skip("no derived N-MNIST")
    with pytest.raises(UsageError, match="2000 of 60000 recordings"):
        load("nmnist", folder)
    splits = load("nmnist", folder, allow_partial=True)
    assert splits.provenance["partial"]
    assert sum(map(len, splits)) == 2480
    assert set(splits.test.targets) == set(range(8))
