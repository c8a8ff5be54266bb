"""N-MNIST: handwritten digits recorded by a moving ATIS sensor, official training and test sets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from liafbench.baselines.backbones import plif, plif_pooled
from liafbench.baselines.errors import UsageError
from liafbench.bench.events.atis import EVENT_BYTES, decode
from liafbench.bench.events.events import Events, checked
from liafbench.bench.events.frames import Binning
from liafbench.bench.tasks.common.official import differing
from liafbench.bench.tasks.common.recordings import (
    OPTIONS,
    Provenance,
    Recorded,
    Recording,
    binning_for,
    recorded_splits,
)
from liafbench.bench.tasks.common.splits import Splits, hold_out
from liafbench.bench.tasks.common.task import DataFile, Extracted, Shape, Source, Task
from liafbench.bench.tasks.common.trees import Tree, open_tree

SIDE = 34
NAME = re.compile(r"[0-9]/[0-9]+\.bin")
MAX_BYTES = 1 << 20  # a recording has some 20 kB
COUNTS = {"Train": 60_000, "Test": 10_000}
SHAPES = {name: Shape(10, 2, SIDE, SIDE) for name in ("plif", "small")}
BINNING = Binning(10, SIDE, SIDE, by="count")
RULE = "official test set; validation: every tenth training recording of each digit, by number"


def read_recording(tree: Tree, name: str) -> Events:
    """The events of one file."""
    where = str(tree.path / name)
    return checked(decode(tree.read(name, MAX_BYTES), where), SIDE, SIDE, where)


@dataclass(frozen=True)
class Part:
    """The recordings of "Train" or "Test" that are there, by number; how many should be."""

    recordings: list[Recording]
    tree: Tree
    found: int
    expected: int
    note: str  # where its archive is not the official one

    def checksum(self) -> str:
        return self.tree.checksum([r.name.partition("/")[2] for r in self.recordings])


def list_part(source: Source, part: str) -> Part:
    """What is there of "Train" or "Test"; of "Train" only the first `limit`."""
    tree = open_tree(source.folder, part, ".bin")
    if tree is None:
        raise source.missing(f"{source.folder / part} (or {part}.zip)")
    names = [name for name in tree.names() if NAME.fullmatch(name)]
    # The number is that of the digit in MNIST, so that a limit takes a mix of classes.
    names.sort(key=lambda name: name.rpartition("/")[2])
    found = len(names)
    if not names:
        raise source.missing(f"any <digit>/<number>.bin in {tree.path}")
    if found < COUNTS[part] and not source.allow_partial:
        raise UsageError(
            f"{tree.path} has {found} of the {COUNTS[part]} recordings of N-MNIST; "
            "allow a partial set to use it as it is"
        )
    note = differing(source, [tree.path])
    if part == "Train":
        names = names[: source.limit]
    recordings = [
        Recording(f"{part}/{name}", int(name[0]), partial(read_recording, tree, name))
        for name in names
    ]
    return Part(recordings, tree, found, COUNTS[part], note)


def read(source: Source, **changes: Any) -> Splits:
    """Splits of N-MNIST; the options change its binning."""
    train, test = (list_part(source, part) for part in COUNTS)

    def checksums() -> dict[str, str]:
        named = zip(COUNTS, (train, test), strict=True)
        return {f"{name} ({len(p.recordings)} recordings)": p.checksum() for name, p in named}

    recorded = Recorded([*train.recordings, *test.recordings], SIDE, SIDE, checksums, (__file__,))
    rows = np.arange(len(recorded.recordings))
    fit, testing = np.split(rows, [len(train.recordings)])
    held = hold_out(recorded.labels[fit])
    subset = train.found < train.expected or test.found < test.expected
    notes = [f"subset: {train.found} training, {test.found} test recordings"] if subset else []
    unofficial = [part.note for part in (train, test) if part.note]
    notes += unofficial
    notes += [f"first {source.limit} training recordings"] if source.limit else []
    return recorded_splits(
        recorded,
        binning_for(BINNING, changes),
        (fit[~held], fit[held], testing),
        Provenance(RULE, "; ".join(notes), subset or bool(unofficial)),
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
        shapes=SHAPES,
        stages={"plif": plif(*plif_pooled(2, 2048), classes=10)},
        files=(
            _archive("Train", "20959b8e626244a1b502305a9e6e2031", TRAIN_ID),
            _archive("Test", "69ca8762b2fe404d9b9bad1103e97832", TEST_ID),
        ),
        extracted=tuple(
            Extracted(f"{part}.zip", part, "[0-9]/*.bin", count, EVENT_BYTES)
            for part, count in COUNTS.items()
        ),
        how_to_get="put Train.zip and Test.zip (Mendeley Data 468j46mzdv), or what they hold, into "
        "the folder nmnist of the data folder, or run `liafbench data fetch nmnist`",
    ),
)
