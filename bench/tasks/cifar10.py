"""CIFAR-10: 32x32 colour images, the binary version."""

from __future__ import annotations

import numpy as np

from liafbench.baselines.backbones import plif
from liafbench.baselines.errors import UsageError
from liafbench.baselines.stages import Conv, Dense, Dropout, Pool
from liafbench.bench.events.checksums import Memo, combined
from liafbench.bench.events.reading import read_file
from liafbench.bench.tasks.common.files import official
from liafbench.bench.tasks.common.images import image_splits
from liafbench.bench.tasks.common.splits import Splits
from liafbench.bench.tasks.common.task import DataFile, Shape, Source, Task

SIDE = 32
PIXELS = 3 * SIDE * SIDE
IMAGES = 10_000  # of a file
MAX_BYTES = 1 << 26
MAX_UNPACKED = 1 << 29
FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = "test_batch.bin"
SHA1 = {  # as MXNet has them
    "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
    "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c",
}
CONVOLUTIONS = ((Conv(256, norm=True, bias=False),) * 3 + (Pool("max"),)) * 2
Batch = tuple[np.ndarray, np.ndarray]


def decode(data: bytes, name: str) -> Batch:
    """Pixels uint8 [N, 3, 32, 32] and labels [N] of a .bin file: label, then pixels."""
    if not data or len(data) % (1 + PIXELS):
        raise UsageError(f"{name} is empty or truncated: {len(data)} bytes, {1 + PIXELS} an image")
    rows = np.frombuffer(data, np.uint8).reshape(-1, 1 + PIXELS)
    labels = rows[:, 0]
    if labels.max() > 9:
        raise UsageError(f"{name} has label {labels.max()}; labels are 0 to 9")
    return rows[:, 1:].reshape(-1, 3, SIDE, SIDE), labels


def read(source: Source) -> Splits:
    """Splits of CIFAR-10."""
    folder = source.folder / FOLDER
    paths = {name: folder / name for name in SHA1 if (folder / name).exists()}
    if TEST not in paths or not set(TRAIN) & set(paths):
        raise source.missing(f"{TRAIN[0]} and {TEST} in {folder}")
    unofficial = official(source, paths.values())
    batches = {name: decode(read_file(path, MAX_BYTES), str(path)) for name, path in paths.items()}
    lacking = [name for name in SHA1 if len(batches.get(name, ((),))[0]) != IMAGES]
    if lacking:
        source.subset(f"{folder} lacks images of {', '.join(lacking)} ({IMAGES} each)")
    with Memo() as memo:
        sums = combined((name, memo.checksum(path)) for name, path in paths.items())
    test = batches.pop(TEST)
    train = _joined([batches.pop(name) for name in TRAIN if name in batches])
    subset = f"subset: {len(train[0])} training images" if lacking else ""
    return image_splits(source, train, test, {FOLDER: sums}, subset, unofficial)


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
        files=tuple(
            DataFile(f"{FOLDER}/{name}", sha1=sha1, size=IMAGES * (1 + PIXELS))
            for name, sha1 in SHA1.items()
        ),
        downloads=(
            DataFile(
                "cifar-10-binary.tar.gz",
                md5="c32a1d4ab5d03f1284b67883e8d87530",  # as its page has it
                urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                unpacked_bound=MAX_UNPACKED,
            ),
        ),
        size=6 * IMAGES * (1 + PIXELS),
        how_to_get=f"put the folder {FOLDER} into the folder cifar10 of the data folder, or "
        "cifar-10-binary.tar.gz there and run `liafbench data fetch cifar10`, which unpacks it",
    ),
)
