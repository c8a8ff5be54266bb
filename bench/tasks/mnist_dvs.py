"""MNIST-DVS: MNIST digits moving before a DVS128 at three scales. There is no official split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from liafbench.baselines.backbones import liaf
from liafbench.baselines.errors import UsageError
from liafbench.baselines.stages import Conv, Dense, Pool
from liafbench.bench.events.aedat2 import TRANSPOSED
from liafbench.bench.events.frames import Binning
from liafbench.bench.tasks.common.members import Place, Recordings
from liafbench.bench.tasks.common.numbered import NUMBERS, Numbered
from liafbench.bench.tasks.common.recordings import OPTIONS, binning_for
from liafbench.bench.tasks.common.splits import Splits
from liafbench.bench.tasks.common.task import DataFile, Extracted, Shape, Source, Task

MD5 = (
    "451c1d2f6b195ce96d1dd478ee8aaf6e",
    "22259ae8871800b5eecf9e0eb8146ea5",
    "6d3ad96939b702f095d027ce89f1297c",
    "e4833915a1514598c4ae046e5e09cf93",
    "e183266a0b670b5336ba4d39d4bd30ae",
    "abf900993c268a763639c3074b6f92bb",
    "971db9a99e95b408837518c7727a223c",
    "a3cb115f19a736f4fc3590f36012bc87",
    "fe5da6c6f559abf397a32439a6c1cd3f",
    "73a3007c1c1ab4bfad9ce07ea76d540d",
)  # second-hand: not from the authors
SCALES = (4, 8, 16)
NAME = re.compile(r"(?:.*/)?mnist_([0-9])_scale(04|08|16)_([0-9]{4})\.aedat")
BINNINGS = {
    "liaf": Binning(20, 40, 40, by="duration"),
    "small": Binning(10, 32, 32, by="count"),
}
LIAF = liaf(
    Conv(32), Pool("max"), Conv(64), Pool("max"), Conv(128), Pool("max"),
    # ReLU layers in the authors' code (BIDL).
    Dense(512, unit="relu"), Dense(128, unit="relu"), Dense(10, unit="none"),
)  # fmt: skip
RULE = (
    "per digit, by the number in the file's name, all scales of a number together: "
    "0901 to 1000 are test, of the others 0010, 0020, 0030, ... validation"
)


def place(name: str) -> Place | None:
    """mnist_<digit>_scale<scale>_<number>.aedat, numbers from 0001."""
    match = NAME.fullmatch(name)
    if match is None or match[3] == "0000":
        return None
    return Place(int(match[1]), int(match[3]) - 1, int(match[2]))


def binning_of(backbone: str, *, scales: Sequence[int], **changes: Any) -> Binning:
    """The binning that the options of the task ask for; `scales` are checked."""
    if not scales or any(type(scale) is not int or scale not in SCALES for scale in scales):
        raise UsageError(f"scales are {scales}; known: {SCALES}")
    return binning_for(BINNINGS[backbone], changes)


def read(source: Source, *, scales: Sequence[int], **changes: Any) -> Splits:
    """Splits of MNIST-DVS at some of its `scales`; the other options change its binning."""
    binning = binning_of(source.backbone, scales=scales, **changes)
    return RECORDINGS.splits(source, binning, tuple(set(scales)))


ARCHIVES = tuple(
    Recordings(f"grabbed_data{digit}", ".aedat", place, NUMBERS, SCALES, label=digit)
    for digit in range(10)
)
RECORDINGS = Numbered(ARCHIVES, TRANSPOSED, RULE, __file__)
TASKS = (
    Task(
        name="mnist-dvs",
        title="MNIST-DVS, digits moving before an event camera",
        kind="events",
        train_samples=24_300,
        classes=10,
        citation="serrano2015poker",
        bibtex="""@article{serrano2015poker,
  author = {Serrano-Gotarredona, Teresa and Linares-Barranco, Bernab{\\'e}},
  title = {Poker-{DVS} and {MNIST-DVS}. Their history, how they were made, and other details},
  journal = {Frontiers in Neuroscience}, volume = {9}, pages = {481}, year = {2015},
  doi = {10.3389/fnins.2015.00481}
}""",
        read=read,
        folder="mnist-dvs",
        shapes={name: Shape(b.time_steps, 2, b.height, b.width) for name, b in BINNINGS.items()},
        stages={"liaf": LIAF},
        options={"scales": SCALES, **OPTIONS},
        check_options=binning_of,
        files=tuple(
            DataFile(
                f"grabbed_data{digit}.zip",
                md5=md5,
                urls=(f"http://www2.imse-cnm.csic.es/caviar/MNIST_DVS/grabbed_data{digit}.zip",),
            )
            for digit, md5 in enumerate(MD5)
        ),
        extracted=tuple(Extracted(f"{a.archive}.zip", a.archive, a.count) for a in ARCHIVES),
        how_to_get="put the ten archives grabbed_data0.zip to grabbed_data9.zip, or what they "
        "hold, into the folder mnist-dvs of the data folder, or run "
        "`liafbench data fetch mnist-dvs`",
    ),
)
