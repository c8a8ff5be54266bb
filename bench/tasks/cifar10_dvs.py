"""CIFAR10-DVS: images of CIFAR-10 moving before a DVS128. There is no official split."""

from __future__ import annotations

import re
from typing import Any

from liafbench.baselines.backbones import liaf, plif, plif_pooled
from liafbench.baselines.stages import Conv, Dense, Pool
from liafbench.bench.events.aedat2 import SIDE, TRANSPOSED
from liafbench.bench.events.frames import Binning
from liafbench.bench.tasks.common.members import Place, Recordings
from liafbench.bench.tasks.common.numbered import NUMBERS, Numbered
from liafbench.bench.tasks.common.recordings import OPTIONS, binning_for
from liafbench.bench.tasks.common.splits import Splits
from liafbench.bench.tasks.common.task import DataFile, Extracted, Shape, Source, Task

FILES = {  # class -> figshare file, md5
    "airplane": (7712788, "0afd5c4bf9ae06af762a77b180354fdd"),
    "automobile": (7712791, "8438dfeba3bc970c94962d995b1b9bdd"),
    "bird": (7712794, "a9c207c91c55b9dc2002dc21c684d785"),
    "cat": (7712812, "52c63c677c2b15fa5146a8daf4d56687"),
    "deer": (7712815, "b6bf21f6c04d21ba4e23fc3e36c8a4a3"),
    "dog": (7712818, "f379ebdf6703d16e0a690782e62639c3"),
    "frog": (7712842, "cad6ed91214b1c7388a5f6ee56d08803"),
    "horse": (7712851, "e7cbbf77bec584ffbf913f00e682782a"),
    "ship": (7712836, "41c7bd7d6b251be82557c6cce9a7d5c9"),
    "truck": (7712839, "89f3922fd147d9aeff89e76a2b0b70a7"),
}
NAME = re.compile(r"(?:.*/)?cifar10_([a-z]+)_([0-9]{1,4})\.aedat")
BINNINGS = {
    "liaf": Binning(10, SIDE, SIDE, by="window", window_us=5000),
    "plif": Binning(20, SIDE, SIDE, by="count"),
    "small": Binning(10, 32, 32, by="count"),
}
LIAF = liaf(
    Conv(32, kernel=5, stride=2), Pool("max"), Conv(64), Pool("max"), Conv(128), Pool("max"),
    Conv(256), Pool("max"), Conv(512), Pool("max"),
    # A ReLU layer in the authors' code (BIDL).
    Dense(512, unit="relu"), Dense(10, unit="none"),
)  # fmt: skip
RULE = (
    "per class, by the number in the file's name: 900 to 999 are test, "
    "of the others 9, 19, 29, ... validation"
)


def place(name: str) -> Place | None:
    """cifar10_<class>_<number>.aedat, numbers from 0."""
    match = NAME.fullmatch(name)
    if match is None or match[1] not in FILES:
        return None
    return Place(list(FILES).index(match[1]), int(match[2]))


ARCHIVES = tuple(
    Recordings(name, ".aedat", place, NUMBERS, label=label) for label, name in enumerate(FILES)
)
RECORDINGS = Numbered(ARCHIVES, TRANSPOSED, RULE, __file__)


def binning_of(backbone: str, **changes: Any) -> Binning:
    """The binning that the options of the task ask for."""
    return binning_for(BINNINGS[backbone], changes)


def read(source: Source, **changes: Any) -> Splits:
    """Splits of CIFAR10-DVS; the options change its binning."""
    return RECORDINGS.splits(source, binning_of(source.backbone, **changes))


TASKS = (
    Task(
        name="cifar10-dvs",
        title="CIFAR10-DVS, images moving before an event camera",
        kind="events",
        train_samples=8_100,
        classes=10,
        citation="li2017cifar10dvs",
        bibtex="""@article{li2017cifar10dvs,
  author = {Li, Hongmin and Liu, Hanchao and Ji, Xiangyang and Li, Guoqi and Shi, Luping},
  title = {{CIFAR10-DVS}: an event-stream dataset for object classification},
  journal = {Frontiers in Neuroscience}, volume = {11}, pages = {309}, year = {2017},
  doi = {10.3389/fnins.2017.00309}
}""",
        read=read,
        folder="cifar10-dvs",
        shapes={name: Shape(b.time_steps, 2, b.height, b.width) for name, b in BINNINGS.items()},
        stages={"liaf": LIAF, "plif": plif(*plif_pooled(4, 2048), classes=10)},
        options=OPTIONS,
        check_options=binning_of,
        files=tuple(
            DataFile(
                f"{name}.zip", md5=md5, urls=(f"https://ndownloader.figshare.com/files/{number}",)
            )
            for name, (number, md5) in FILES.items()
        ),
        extracted=tuple(Extracted(f"{a.archive}.zip", a.archive, a.count) for a in ARCHIVES),
        how_to_get="put the ten archives airplane.zip to truck.zip (figshare, CIFAR10-DVS), or "
        "what they hold, into the folder cifar10-dvs of the data folder, or run "
        "`liafbench data fetch cifar10-dvs`",
    ),
)
