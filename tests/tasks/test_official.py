"""Files that are not the official ones are read only where that is allowed, and are named."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from fabricated_sets import ANY, write_babi, write_mnist

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.reading import gunzip
from liafbench.bench.tasks import TASKS, DataFile, Task, check, load
from liafbench.bench.tasks.mnist import IMAGES


def official(task: Task, folder: Path, **changes: str) -> Task:
    """The task with the files of a folder as its official ones, but for these checksums."""

    def sha256(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def known(file: DataFile) -> DataFile:
        path = folder / file.path
        unpacked = hashlib.sha256(gunzip(path, 10**7)).hexdigest()
        return replace(file, sha256=changes.get(path.name, sha256(path)), unpacked_sha256=unpacked)

    return replace(task, files=tuple(known(file) for file in task.files))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "mnist-events-simulated"])
def test_other_files_in_the_layout_of_mnist_must_be_asked_for(fabricated, name):
    folder = fabricated / TASKS[name].folder
    images = f"{IMAGES['train'][0]}.gz"
    found = hashlib.sha256((folder / images).read_bytes()).hexdigest()
    expected = TASKS[name].files[0].sha256
    with pytest.raises(UsageError) as raised:
        load(name, fabricated)
    message = str(raised.value)
    assert f"{name}: not the official file in {folder}: {images}" in message
    assert f"sha256 is {found}, expected {expected}" in message
    assert "allow unofficial files" in message
    assert "\n" not in message
    with pytest.raises(UsageError, match="allow_unofficial"):
        load(name, fabricated, allow_partial=True)
    provenance = load(name, fabricated, allow_unofficial=True).provenance
    assert (provenance["partial"], provenance["unofficial"]) == (False, True)
    assert "not the official file: " in provenance["note"]
    assert all(f"{stem}.gz" in provenance["note"] for stems in IMAGES.values() for stem in stems)


def test_the_official_files_are_taken_as_they_are_and_only_a_changed_one_is_named(tmp_path):
    folder = tmp_path / "mnist"
    write_mnist(folder)
    task = official(TASKS["mnist"], folder)
    for allowed in (False, True):
        provenance = task.load(tmp_path, allow_unofficial=allowed).provenance
        assert (provenance["unofficial"], provenance["note"]) == (False, "")
    labels = f"{IMAGES['test'][1]}.gz"
    other = official(TASKS["mnist"], folder, **{labels: "0" * 64})
    with pytest.raises(UsageError, match=rf"{labels}: sha256 is .*, expected 0{{64}}; allow"):
        other.load(tmp_path)
    provenance = other.load(tmp_path, allow_unofficial=True).provenance
    assert (provenance["unofficial"], provenance["note"]) == (
        True,
        f"not the official file: {labels}",
    )


def test_an_uncompressed_file_is_compared_too(tmp_path):
    folder = tmp_path / "mnist"
    write_mnist(folder)
    task = official(TASKS["mnist"], folder)
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gunzip(path, 10**7))
        path.unlink()
    assert not task.load(tmp_path).provenance["unofficial"]
    (folder / IMAGES["test"][1]).write_bytes((folder / IMAGES["test"][1]).read_bytes()[:-1] + b"\1")
    with pytest.raises(UsageError, match=rf"{IMAGES['test'][1]}: sha256 is .*, expected"):
        task.load(tmp_path)


@pytest.mark.parametrize("folder", ["en", "tasks_1-20_v1-2/en"])
def test_other_stories_must_be_asked_for(tmp_path, folder):
    write_babi(tmp_path / "babi" / folder)
    with pytest.raises(
        UsageError, match=r"babi-qa3: .*qa3_three-supporting-facts_train\.txt: sha256"
    ):
        load("babi-qa3", tmp_path)
    provenance = load("babi-qa3", tmp_path, allow_unofficial=True).provenance
    assert provenance["unofficial"]
    names = "; ".join(f"qa3_three-supporting-facts_{side}.txt" for side in ("train", "test"))
    assert provenance["note"].startswith(f"not the official file: {names}")


def test_files_without_a_known_checksum_pass(tmp_path):
    write_babi(tmp_path / "babi" / "en-10k")
    assert not load("babi-qa3", tmp_path, edition="en-10k").provenance["unofficial"]


def test_other_archives_are_named(tmp_path, fabricated):
    (tmp_path / "nmnist").mkdir()
    with zipfile.ZipFile(tmp_path / "nmnist" / "Train.zip", "w") as archive:
        for path in (fabricated / "nmnist" / "Train").glob("*/*.bin"):
            archive.write(path, f"Train/{path.parent.name}/{path.name}")
    shutil.copytree(fabricated / "nmnist" / "Test", tmp_path / "nmnist" / "Test")
    note = load("nmnist", tmp_path, **ANY).provenance["note"]
    assert note.endswith("; not the official file: Train.zip")
    note = load("cifar10-dvs", fabricated, **ANY).provenance["note"]
    assert note.endswith("; not the official file: airplane.zip")  # the others are extracted


def test_fashion_mnist_is_not_taken_for_mnist(tmp_path, data_dir):
    """The real files, compressed and not, below the wrong name."""
    real = data_dir / "fashion-mnist"
    if not real.is_dir():
        pytest.skip("no fashion-mnist")
    shutil.copytree(real, tmp_path / "mnist")
    with pytest.raises(UsageError, match=r"train-images-idx3-ubyte\.gz: .* expected 440fcabf"):
        load("mnist", tmp_path)
    shutil.copytree(real, tmp_path / "fashion-mnist")
    for path in (tmp_path / "fashion-mnist").glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    (state,) = check(tmp_path, ["fashion-mnist"])
    assert state.state == "present"
    assert not load("fashion-mnist", tmp_path).provenance["unofficial"]
    for path in (tmp_path / "mnist").glob("*.gz"):
        path.unlink()
    for path in (tmp_path / "fashion-mnist").iterdir():
        path.rename(tmp_path / "mnist" / path.name)
    with pytest.raises(UsageError, match=r"train-images-idx3-ubyte: .* expected ba891046"):
        load("mnist", tmp_path)
