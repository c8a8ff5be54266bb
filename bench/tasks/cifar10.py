"""CIFAR-10: 32x32 colour images, binary or Python version, extracted or in its archive."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from liafbench.baselines.backbones import plif
from liafbench.baselines.errors import UsageError
from liafbench.baselines.stages import Conv, Dense, Dropout, Pool
from liafbench.bench.tasks.common.checksums import Memo, combined
from liafbench.bench.tasks.common.images import image_splits
from liafbench.bench.tasks.common.official import differing
from liafbench.bench.tasks.common.pickled import read_pickle
from liafbench.bench.tasks.common.reading import read_file
from liafbench.bench.tasks.common.splits import Splits
from liafbench.bench.tasks.common.tars import each_member
from liafbench.bench.tasks.common.task import DataFile, Extracted, Shape, Source, Task

SIDE = 32
PIXELS = 3 * SIDE * SIDE
IMAGES = 10_000  # of a file
MAX_BYTES = 1 << 26
MAX_ARCHIVE = 1 << 29
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = ("test_batch",)
VERSIONS = {  # folder -> its archive, the ending of its files
    "cifar-10-batches-bin": ("cifar-10-binary.tar.gz", ".bin"),
    "cifar-10-batches-py": ("cifar-10-python.tar.gz", ""),
}
CONVOLUTIONS = ((Conv(256, norm=True, bias=False),) * 3 + (Pool("max"),)) * 2
Batch = tuple[np.ndarray, np.ndarray]


def decode_binary(data: bytes, name: str) -> Batch:
    """Pixels uint8 [N, 3, 32, 32] and labels [N] of a .bin file: label, then pixels."""
    if not data or len(data) % (1 + PIXELS):
        raise UsageError(f"{name} is empty or truncated: {len(data)} bytes, {1 + PIXELS} an image")
    rows = np.frombuffer(data, np.uint8).reshape(-1, 1 + PIXELS)
    return _checked(rows[:, 1:], rows[:, 0], name)


def decode_python(data: bytes, name: str) -> Batch:
    """Pixels uint8 [N, 3, 32, 32] and labels [N] of a file of the Python version."""
    content = read_pickle(data, name)
    pixels, labels = content.get("data"), content.get("labels")
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
        raise UsageError(f"{name} has no array 'data' of {PIXELS} bytes an image")
    if not isinstance(labels, list) or not all(
        isinstance(label, int) and 0 <= label < 256 for label in labels
    ):
        raise UsageError(f"{name} has no list 'labels' of whole numbers")
    return _checked(pixels, np.array(labels, dtype=np.uint8), name)


def _checked(pixels: np.ndarray, labels: np.ndarray, name: str) -> Batch:
    if len(pixels) != len(labels):
        raise UsageError(f"{name} has {len(pixels)} images and {len(labels)} labels")
    if len(labels) and labels.max() > 9:
        raise UsageError(f"{name} has label {labels.max()}; labels are 0 to 9")
    return pixels.reshape(-1, 3, SIDE, SIDE), labels


def read_version(source: Source, version: str) -> tuple[dict[str, Batch], dict[str, str]] | None:
    """The batches of one version by name, with checksums; None if it is not there."""
    archive, ending = VERSIONS[version]
    decode = decode_binary if ending else decode_python
    wanted = {batch + ending: batch for batch in (*TRAIN, *TEST)}
    folder = source.folder / version
    with Memo() as memo:
        if folder.is_dir():
            paths = {batch: folder / name for name, batch in wanted.items()}
            there = {batch: path for batch, path in paths.items() if path.exists()}
            sums = combined((path.name, memo.checksum(path)) for path in there.values())
            read = {b: decode(read_file(p, MAX_BYTES), str(p)) for b, p in there.items()}
            return read, {version: sums}
        path = source.folder / archive
        if not path.exists():
            return None
        return _from_archive(path, wanted, ending), {archive: memo.checksum(path)}


def _from_archive(path: Path, wanted: dict[str, str], ending: str) -> dict[str, Batch]:
    decode = decode_binary if ending else decode_python
    read: dict[str, Batch] = {}

    def take(name: PurePosixPath, size: int, content: BinaryIO) -> None:
        if name.name in wanted:
            if size > MAX_BYTES:
                raise UsageError(f"{path}: {name} has {size} bytes, more than {MAX_BYTES}")
            read[wanted[name.name]] = decode(content.read(size), f"{path}: {name}")

    each_member(path, MAX_ARCHIVE, take)
    return read


def read(source: Source) -> Splits:
    """Splits of CIFAR-10, from the binary version where both are there."""
    found = next(filter(None, (read_version(source, version) for version in VERSIONS)), None)
    if found is None:
        raise source.missing(f"{' or '.join(VERSIONS)} in {source.folder}")
    batches, files = found
    lacking = [name for name in (*TRAIN, *TEST) if len(batches.get(name, ([],))[0]) != IMAGES]
    if lacking and not source.allow_partial:
        raise UsageError(
            f"cifar10 in {source.folder} lacks images of {', '.join(lacking)} "
            f"({IMAGES} each); allow a partial set to use it as it is"
        )
    if TEST[0] not in batches or not any(name in batches for name in TRAIN):
        raise source.missing(f"training and test batches in {source.folder}")
    pixels, labels = _joined([batches.pop(name) for name in TRAIN if name in batches])
    subset = f"subset: {len(pixels)} training images" if lacking else ""
    unofficial = differing(source, [source.folder / name for name in files])
    note = "; ".join(filter(None, (subset, unofficial)))
    return image_splits(source, (pixels, labels), batches[TEST[0]], files, note)


def _joined(parts: list[Batch]) -> Batch:
    """All batches in one, each freed as soon as it is copied: no two copies of the set."""
    labels = np.concatenate([part[1] for part in parts])
    pixels = np.empty((len(labels), 3, SIDE, SIDE), np.uint8)
    end = len(labels)
    while parts:
        part = parts.pop()[0]
        pixels[end - len(part) : end] = part
        end -= len(part)
    return pixels, labels


TASKS = (
    Task(
        name="cifar10",
        title="CIFAR-10, small colour images",
        kind="image",
        static=True,
        train_samples=45_000,
        classes=10,
        citation="krizhevsky2009learning",
        bibtex="""@techreport{krizhevsky2009learning,
  author = {Krizhevsky, Alex},
  title = {Learning multiple layers of features from tiny images},
  institution = {University of Toronto}, year = {2009}
}""",
        read=read,
        folder="cifar10",
        shapes={"plif": Shape(8, 3, SIDE, SIDE), "small": Shape(4, 3, SIDE, SIDE)},
        stages={"plif": plif(*CONVOLUTIONS, Dropout(), Dense(2048, bias=False), classes=10)},
        files=(
            DataFile(
                "cifar-10-binary.tar.gz",
                # Both checksums: https://www.cs.toronto.edu/~kriz/cifar.html
                md5="c32a1d4ab5d03f1284b67883e8d87530",
                urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                unpacked_bound=MAX_ARCHIVE,
            ),
            DataFile("cifar-10-python.tar.gz", md5="c58f30108f718f92721af3b95e74349a"),
        ),
        one_of=True,
        extracted=tuple(
            Extracted(archive, folder, f"*_batch*{ending}", 6, file_bytes=size)
            for (folder, (archive, ending)), size in zip(
                VERSIONS.items(), (IMAGES * (1 + PIXELS), None), strict=True
            )
        ),
        size=6 * IMAGES * (1 + PIXELS),  # of the extracted binary version
        how_to_get="put cifar-10-binary.tar.gz or cifar-10-python.tar.gz, or what it holds, into "
        "the folder cifar10 of the data folder, or run `liafbench data fetch cifar10`",
    ),
)
