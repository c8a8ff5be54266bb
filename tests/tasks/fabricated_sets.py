"""Small data sets in the official layouts and formats, every byte written here."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
from raw_recordings import aedat2, aedat3, aedat3_packet, atis, jaer_address, polarity_word

from liafbench.bench.tasks import vocabularies
from liafbench.bench.tasks.babi import STEMS
from liafbench.bench.tasks.cifar10_dvs import FILES as CIFAR10_DVS_CLASSES

PER_CLASS = 12
ANY = {"allow_partial": True, "allow_unofficial": True}
"""What `load` needs for data that is neither whole nor official."""


def idx(array: np.ndarray) -> bytes:
    """An array of unsigned bytes in the idx format."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, per_class: int = PER_CLASS, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", 10 * per_class), ("t10k", 20)):
        labels = np.arange(count) % 10
        images = rng.integers(0, 256, (count, 28, 28))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))


def cifar_rows(seed: int, count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Labels and rows of 3,072 bytes."""
    rng = np.random.default_rng(seed)
    return np.arange(count) % 10, rng.integers(0, 256, (count, 3072)).astype(np.uint8)


def write_cifar10_binary(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        labels, rows = cifar_rows(number)
        data = np.concatenate([labels[:, None].astype(np.uint8), rows], axis=1).tobytes()
        (folder / f"{name}.bin").write_bytes(data)


def babi_places(number: int) -> list[str]:
    """Four answers that the vocabulary of task QA<number> has."""
    words = [word for word in vocabularies.words(f"babi-qa{number}") if word.isalpha()]
    places = ("kitchen", "garden", "office", "bathroom")
    return list(places) if set(places) <= set(words) else words[:4]


def write_babi(folder: Path, stories: int = 12) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for side, shift in (("train", 0), ("test", 1)):
        for question, stem in enumerate(STEMS, 1):
            places = babi_places(question)
            lines = []
            for story in range(stories):
                here, there = places[(story + shift) % 4], places[(story + shift + 1) % 4]
                lines += [
                    f"1 Mary went to the {here}.",
                    f"2 John moved to the {there}.",
                    f"3 Where is Mary? \t{here}\t1",
                    f"4 Where is John? \t{there}\t2",
                ]
            (folder / f"{stem}_{side}.txt").write_text("\n".join(lines) + "\n")


def nmnist_recording(seed: int, count: int = 60) -> bytes:
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, 300_000, count)).tolist()
    x, y = rng.integers(0, 34, (2, count)).tolist()
    return atis(zip(x, y, t, rng.integers(0, 2, count).tolist(), strict=True))


def write_nmnist(folder: Path) -> None:
    for part, count in (("Train", 10 * PER_CLASS), ("Test", 20)):
        for number in range(count):
            path = folder / part / str(number % 10) / f"{number + 1:05d}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(nmnist_recording(number + 1000 * (part == "Test")))


def dvs_recording(seed: int, count: int = 80) -> bytes:
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, 100_000, count)).tolist()
    a, b, p = rng.integers(0, 128, (3, count)).tolist()
    return aedat2([(jaer_address(x, y, q & 1), s) for x, y, q, s in zip(a, b, p, t, strict=True)])


def write_cifar10_dvs(folder: Path) -> None:
    """One archive, the others extracted; numbers on all three sides of the split."""
    for place, name in enumerate(CIFAR10_DVS_CLASSES):
        files = {
            f"cifar10_{name}_{number}.aedat": dvs_recording(1000 * place + number)
            for number in (0, 1, 9, 999)
        }
        if place == 0:
            with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for file, data in files.items():
                    archive.writestr(f"{name}/{file}", data)
            continue
        (folder / name).mkdir()
        for file, data in files.items():
            (folder / name / file).write_bytes(data)


def write_mnist_dvs(folder: Path) -> None:
    for digit in range(10):
        for scale in (4, 8, 16):
            inner = folder / f"grabbed_data{digit}" / f"scale{scale}"
            inner.mkdir(parents=True)
            for number in (1, 10, 901):
                name = f"mnist_{digit}_scale{scale:02d}_{number:04d}.aedat"
                (inner / name).write_bytes(dvs_recording(10_000 * digit + 10 * number + scale))


def gesture_recording(seed: int, gestures: int = 3, count: int = 200) -> bytes:
    """Events of three gestures, 10,000 us each, in packets of 64."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, 10_000 * gestures, count)).tolist()
    x, y, p = rng.integers(0, 128, (3, count)).tolist()
    words = [(polarity_word(a, b, c & 1), s) for a, b, c, s in zip(x, y, p, t, strict=True)]
    return aedat3(*(aedat3_packet(words[i : i + 64]) for i in range(0, count, 64)))


def write_gestures(folder: Path, users: tuple[int, ...] = tuple(range(1, 13))) -> None:
    """Twelve people, the last two in the test list."""
    folder.mkdir(parents=True, exist_ok=True)
    lists: dict[str, list[str]] = {"trials_to_train.txt": [], "trials_to_test.txt": []}
    for user in users:
        stem = f"user{user:02d}_led"
        (folder / f"{stem}.aedat").write_bytes(gesture_recording(user))
        rows = [f"{gesture},{10_000 * (gesture - 1)},{10_000 * gesture}" for gesture in (1, 2, 3)]
        (folder / f"{stem}_labels.csv").write_text(
            "class,startTime_usec,endTime_usec\n" + "\n".join(rows) + "\n"
        )
        name = "trials_to_test.txt" if user in users[-2:] else "trials_to_train.txt"
        lists[name].append(f"{stem}.aedat")
    for name, trials in lists.items():
        (folder / name).write_text("\n".join(trials) + "\n")


def write_all(folder: Path) -> None:
    """Every task that is not embedded."""
    write_mnist(folder / "mnist")
    write_mnist(folder / "fashion-mnist", seed=1)
    write_cifar10_binary(folder / "cifar10" / "cifar-10-batches-bin")
    write_babi(folder / "babi" / "en")
    write_nmnist(folder / "nmnist")
    (folder / "cifar10-dvs").mkdir()
    write_cifar10_dvs(folder / "cifar10-dvs")
    write_mnist_dvs(folder / "mnist-dvs")
    write_gestures(folder / "dvs128-gesture" / "DvsGesture")
