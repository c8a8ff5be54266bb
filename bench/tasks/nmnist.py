"""N-MNIST: handwritten digits recorded by a moving ATIS sensor, official training and test sets."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from liafbench.baselines.backbones import plif, plif_pooled
from liafbench.baselines.errors import UsageError
from liafbench.bench.events.atis import EVENT_BYTES, decode
from liafbench.bench.events.events import Events, checked
from liafbench.bench.events.frames import Binning
from liafbench.bench.tasks.common.files import official
from liafbench.bench.tasks.common.members import Member, Place, Recordings
from liafbench.bench.tasks.common.recordings import (
    OPTIONS,
    Recorded,
    Recording,
    binning_for,
    recorded_splits,
)
from liafbench.bench.tasks.common.splits import Splits, hold_out
from liafbench.bench.tasks.common.task import DataFile, Extracted, Shape, Source, Task
from liafbench.bench.tasks.common.trees import Tree

SIDE = 34
NAME = re.compile(r"([0-9])/([0-9]+)\.bin")
SHAPES = {name: Shape(10, 2, SIDE, SIDE) for name in ("plif", "small")}
BINNING = Binning(10, SIDE, SIDE, by="count")
RULE = "official test set; validation: every tenth training recording of each digit, by number"


def place(name: str) -> Place | None:
    """<digit>/<number>.bin; the number is that of the digit in MNIST, from 1."""
    match = NAME.fullmatch(name)
    return Place(int(match[1]), int(match[2]) - 1) if match else None


@dataclass(frozen=True)
class Digits(Recordings):
    """The recordings of "Train" or "Test"; `labels` is the SHA-256 of the label file of MNIST."""

    labels: str = ""

    def members(self, folder: Path) -> tuple[Tree | None, list[Member]]:
        """Those that are there, as MNIST orders them; a whole set has the classes of MNIST."""
        tree, found = super().members(folder)
        if tree is not None and self.complete(found):
            digits = bytes(member.place.label for member in found)
            header = bytes((0, 0, 8, 1)) + len(digits).to_bytes(4, "big")
            if hashlib.sha256(header + digits).hexdigest() != self.labels:
                raise UsageError(f"{tree.path} has recordings in the folder of another class")
        return tree, found


DIGITS = {
    part: Digits(part, ".bin", place, numbers, record_bytes=EVENT_BYTES, labels=labels)
    for part, numbers, labels in (
        ("Train", 60_000, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        ("Test", 10_000, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    )
}


def read_recording(member: Member) -> Events:
    """The events of one file."""
    return checked(decode(member.read(), member.path), SIDE, SIDE, member.path)


def binning_of(_backbone: str, **changes: Any) -> Binning:
    """The binning that the options of the task ask for."""
    return binning_for(BINNING, changes)


def read(source: Source, **changes: Any) -> Splits:
    """Splits of N-MNIST; the options change its binning."""
    trees: dict[str, Tree] = {}
    used: dict[str, list[Member]] = {}
    found: dict[str, int] = {}
    whole, unofficial = True, []
    for name, digits in DIGITS.items():
        tree, members = digits.members(source.folder)
        if tree is None or not members:
            raise source.missing(f"{source.folder / name}/<digit>/<number>.bin (or {name}.zip)")
        if not digits.complete(members):
            source.subset(f"{tree.path} has {len(members)} of {digits.expected} recordings")
            whole = False
        unofficial += list(filter(None, [official(source, [tree.path])]))
        trees[name], found[name] = tree, len(members)
        used[name] = members[: source.limit] if name == "Train" else members

    def checksums() -> dict[str, str]:
        return {
            f"{name} ({len(members)} recordings)": trees[name].checksum([m.name for m in members])
            for name, members in used.items()
        }

    recordings = [
        Recording(f"{name}/{m.name}", m.place.label, partial(read_recording, m))
        for name, members in used.items()
        for m in members
    ]
    every = [*used["Train"], *used["Test"]]
    recorded = Recorded(recordings, SIDE, SIDE, checksums, (__file__,), every)
    fit, testing = np.split(np.arange(len(every)), [len(used["Train"])])
    held = hold_out(recorded.labels[fit])
    subset = f"subset: {found['Train']} training, {found['Test']} test recordings"
    return recorded_splits(
        recorded,
        binning_of(source.backbone, **changes),
        (fit[~held], fit[held], testing),
        rule=RULE,
        notes=("" if whole else subset, *unofficial, source.limited("training recordings")),
        partial=not whole,
        unofficial=bool(unofficial),
    )


MENDELEY = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"
TRAIN_ID = "39c25547-014b-4137-a934-9d29fa53c7a0"
TEST_ID = "05a4d654-7e03-4c15-bdfa-9bb2bcbea494"


def _archive(part: str, md5: str, file_id: str) -> DataFile:
    return DataFile(f"{part}.zip", md5=md5, urls=(f"{MENDELEY}/{file_id}/file_downloaded",))


TASKS = (
    Task(
        name="nmnist",
        title="N-MNIST, digits recorded by a moving event camera",
        kind="events",
        train_samples=54_004,
        classes=10,
        citation="orchard2015converting",
        bibtex="""@article{orchard2015converting,
  author = {Orchard, Garrick and Jayawant, Ajinkya and Cohen, Gregory K. and Thakor, Nitish},
  title = {Converting static image datasets to spiking neuromorphic datasets using saccades},
  journal = {Frontiers in Neuroscience}, volume = {9}, pages = {437}, year = {2015},
  doi = {10.3389/fnins.2015.00437}
}""",
        read=read,
        folder="nmnist",
        options=OPTIONS,
        check_options=binning_of,
        shapes=SHAPES,
        stages={"plif": plif(*plif_pooled(2, 2048), classes=10)},
        files=(
            _archive("Train", "20959b8e626244a1b502305a9e6e2031", TRAIN_ID),
            _archive("Test", "69ca8762b2fe404d9b9bad1103e97832", TEST_ID),
        ),
        extracted=tuple(Extracted(f"{name}.zip", name, d.count) for name, d in DIGITS.items()),
        how_to_get="put Train.zip and Test.zip (Mendeley Data 468j46mzdv), or what they hold, into "
        "the folder nmnist of the data folder, or run `liafbench data fetch nmnist`",
    ),
)
