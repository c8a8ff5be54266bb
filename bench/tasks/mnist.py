"""MNIST and Fashion-MNIST: 28x28 grey images, idx files, official test sets."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from liafbench.baselines.backbones import plif, plif_pooled
from liafbench.baselines.errors import UsageError
from liafbench.bench.events.checksums import file_checksum
from liafbench.bench.tasks.common.files import official
from liafbench.bench.tasks.common.idx import read_idx
from liafbench.bench.tasks.common.images import image_splits
from liafbench.bench.tasks.common.splits import Splits
from liafbench.bench.tasks.common.task import DataFile, Shape, Source, Task

SIDE = 28
SHAPES = {"plif": Shape(8, 1, SIDE, SIDE), "small": Shape(4, 1, SIDE, SIDE)}
IMAGES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def find(source: Source, stem: str) -> Path:
    """An official file, compressed or not."""
    for name in (f"{stem}.gz", stem):
        if (source.folder / name).exists():
            return source.folder / name
    raise source.missing(f"{source.folder / stem}.gz")


class Part(NamedTuple):
    """Images uint8 [N, 28, 28], labels [N], checksums of the files, a note if not official."""

    images: np.ndarray
    labels: np.ndarray
    files: dict[str, str]
    note: str


def read_part(source: Source, part: str) -> Part:
    """The images and labels of "train" or "test"."""
    image_path, label_path = (find(source, stem) for stem in IMAGES[part])
    images, labels = read_idx(image_path, (SIDE, SIDE)), read_idx(label_path, ())
    if len(images) != len(labels):
        raise UsageError(
            f"{image_path} has {len(images)} images, {label_path} {len(labels)} labels"
        )
    if len(labels) and labels.max() > 9:
        raise UsageError(f"{label_path} has label {labels.max()}; labels are 0 to 9")
    sums = {path.name: file_checksum(path) for path in (image_path, label_path)}
    return Part(images, labels, sums, official(source, (image_path, label_path)))


def read(source: Source) -> Splits:
    """Splits of MNIST or Fashion-MNIST."""
    train, test = read_part(source, "train"), read_part(source, "test")
    return image_splits(
        source,
        (train.images[:, None], train.labels),
        (test.images[:, None], test.labels),
        train.files | test.files,
        unofficial="; ".join(filter(None, (train.note, test.note))),
    )


def _files(sums: dict[str, tuple[str, str, int]], mirrors: tuple[str, ...]) -> tuple[DataFile, ...]:
    """Files by name from SHA-256, SHA-256 of what they unpack to, and bytes."""
    return tuple(
        DataFile(
            name,
            sha256=checksum,
            size=size,
            urls=tuple(mirror + name for mirror in mirrors),
            also=(name.removesuffix(".gz"),),
            unpacked_sha256=unpacked,
        )
        for name, (checksum, unpacked, size) in sums.items()
    )


MNIST_FILES = _files(
    {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            9912422,
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            28881,
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            1648877,
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            4542,
        ),
    },
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)
FASHION_FILES = _files(
    {
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            26421880,
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            29515,
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            4422102,
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            5148,
        ),
    },
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
)


TRAIN_SAMPLES = {"mnist": 54_004, "fashion-mnist": 54_000}


def _task(name: str, title: str, citation: str, bibtex: str, files: tuple[DataFile, ...]) -> Task:
    return Task(
        name=name,
        title=title,
        kind="image",
        static=True,
        train_samples=TRAIN_SAMPLES[name],
        classes=10,
        citation=citation,
        bibtex=bibtex,
        read=read,
        folder=name,
        shapes=SHAPES,
        stages={"plif": plif(*plif_pooled(2, 2048), classes=10)},
        files=files,
        size=sum(file.size or 0 for file in files),
        how_to_get=f"put the four official idx .gz files ({', '.join(f.path for f in files)}) "
        f"into the folder {name} of the data folder, or run `liafbench data fetch {name}`",
    )


TASKS = (
    _task(
        "mnist",
        "MNIST, handwritten digits",
        "lecun1998gradient",
        """@article{lecun1998gradient,
  author = {LeCun, Yann and Bottou, L{\\'e}on and Bengio, Yoshua and Haffner, Patrick},
  title = {Gradient-based learning applied to document recognition},
  journal = {Proceedings of the IEEE},
  volume = {86}, number = {11}, pages = {2278--2324}, year = {1998},
  doi = {10.1109/5.726791}
}""",
        MNIST_FILES,
    ),
    _task(
        "fashion-mnist",
        "Fashion-MNIST, articles of clothing",
        "xiao2017fashion",
        """@misc{xiao2017fashion,
  author = {Xiao, Han and Rasul, Kashif and Vollgraf, Roland},
  title = {Fashion-{MNIST}: a novel image dataset for benchmarking machine learning algorithms},
  year = {2017}, eprint = {1708.07747}, archivePrefix = {arXiv}
}""",
        FASHION_FILES,
    ),
)
