"""DVS128 Gesture: eleven hand gestures of 29 people before a DVS128, official split by person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from liafbench.baselines.backbones import liaf, plif, plif_pooled
from liafbench.baselines.errors import UsageError
from liafbench.baselines.stages import Conv, Dense, Pool
from liafbench.bench.events.aedat3 import decode
from liafbench.bench.events.checksums import Memo, combined
from liafbench.bench.events.events import Events, checked
from liafbench.bench.events.frames import Binning
from liafbench.bench.events.reading import opened, read_text
from liafbench.bench.tasks.common.members import Member, Place, refuse_copies
from liafbench.bench.tasks.common.recordings import (
    OPTIONS,
    Recorded,
    Recording,
    binning_for,
    recorded_splits,
)
from liafbench.bench.tasks.common.splits import HOLD_OUT, Splits
from liafbench.bench.tasks.common.task import DataFile, Extracted, Shape, Source, Task
from liafbench.bench.tasks.common.trees import Folder

SIDE, CLASSES = 128, 11
MAX_TEXT = 1 << 20
MAX_TRIAL = 1 << 28  # some 25 MB; reading takes six times as much memory
ARCHIVE, ARCHIVE_FOLDER = "DvsGesture.tar.gz", "DvsGesture"
TRIALS = Counter(train=98, test=24)
MAX_UNPACKED = 16 << 30
NAME = re.compile(r"user([0-9]{2})_[a-z_]+\.aedat")
WHOLE = re.compile(r"[0-9]{1,19}")
LISTS = ("trials_to_train.txt", "trials_to_test.txt")
BINNINGS = {
    "liaf": Binning(60, 32, 32, by="window", window_us=25_000),
    "plif": Binning(20, SIDE, SIDE, by="count"),
    "small": Binning(10, 32, 32, by="count"),
}
LIAF = liaf(Conv(64), Conv(128), Pool("avg"), Conv(128), Pool("avg"), Dense(256), Dense(CLASSES))
RULE = "official training and test people; validation: every tenth training person"


@dataclass(frozen=True)
class Trial:
    """One recording of a person in one light, with several gestures."""

    path: Path
    user: int
    side: int  # 0 train, 1 validation, 2 test


@lru_cache(maxsize=1)  # the gestures of one trial follow each other
def read_trial(path: Path) -> Events:
    """The events of a whole trial, read packet by packet."""
    with opened(path, MAX_TRIAL) as file:
        return checked(decode(file, str(path)), SIDE, SIDE, str(path))


def read_gesture(path: Path, start: int, end: int, place: int) -> Events:
    """The events of gesture `place` of a trial; the trial's repairs are counted with the first."""
    events = read_trial(path)
    cut = events.between(start, end)
    if not len(cut):
        raise UsageError(f"{path} has no event from {start} to {end} us, where a label says so")
    return cut if place == 0 else replace(cut, repairs=Counter())


def labels(path: Path) -> Iterator[tuple[int, int, int]]:
    """Class from 0, start and end [us] of each row of a label file; one at least."""
    rows = 0
    for place, line in enumerate(read_text(path, MAX_TEXT).splitlines(), 1):
        fields = [field.strip() for field in line.split(",")]
        if not line.strip() or (place == 1 and fields[0] == "class"):
            continue
        if len(fields) != 3 or not all(WHOLE.fullmatch(field) for field in fields):
            raise UsageError(
                f"{path}, line {place}: expected class, start and end, not {line[:60]!r}"
            )
        gesture, start, end = map(int, fields)
        if not 1 <= gesture <= CLASSES or not start < end < 1 << 62:
            raise UsageError(f"{path}, line {place}: class {gesture} from {start} to {end} us")
        rows += 1
        yield gesture - 1, start, end
    if not rows:
        raise UsageError(f"{path} has no gesture")


def trials(source: Source, folder: Path) -> list[Trial]:
    """The listed trials: training, then test."""
    found = []
    for test, name in enumerate(LISTS):
        if not (folder / name).exists():
            raise source.missing(str(folder / name))
        listed = read_text(folder / name, MAX_TEXT).split()
        matches = [NAME.fullmatch(trial) for trial in listed]
        if not listed or not all(matches):
            raise UsageError(f"{folder / name} does not list files user<nn>_<light>.aedat")
        if len(set(listed)) < len(listed):
            raise UsageError(f"{folder / name} lists a trial twice")
        users = sorted({match[1] for match in matches if match})
        held = set(users[HOLD_OUT - 1 :: HOLD_OUT])
        for match in filter(None, matches):
            side = 2 if test else int(match[1] in held)
            found.append(Trial(folder / match[0], int(match[1]), side))
    both = {t.user for t in found if t.side == 2} & {t.user for t in found if t.side < 2}
    if both:
        raise UsageError(f"{folder}: user {min(both)} is in both trial lists")
    return found


def inner(folder: Path) -> Path:
    """Where the trials are: in the archive's own folder, or directly here."""
    return folder / ARCHIVE_FOLDER if (folder / ARCHIVE_FOLDER).is_dir() else folder


def present(source: Source, folder: Path) -> tuple[list[Trial], bool]:
    """The trials whose files are there, and whether some of the official ones are not."""
    listed = trials(source, folder)
    there = [t for t in listed if t.path.exists() and label_file(t.path).exists()]
    if not there:
        raise source.missing(f"any user<nn>_<light>.aedat in {folder}")
    absent = [t.path.name for t in listed if t not in there]
    if absent:
        source.subset(f"{folder} lacks {len(absent)} trials or their labels, such as {absent[0]}")
    sides = Counter("test" if t.side == 2 else "train" for t in listed)
    if sides != TRIALS:
        source.subset(
            f"{folder} lists {sides['train']} training and {sides['test']} test trials, "
            f"official are {TRIALS['train']} and {TRIALS['test']}"
        )
    return there, bool(absent) or sides != TRIALS


def count(folder: Path) -> tuple[int, int]:
    """Trials with labels that are there, and how many there should be."""
    whole = sum(TRIALS.values())
    if not any((inner(folder) / name).exists() for name in LISTS):
        return 0, whole
    there, subset = present(Source(TASKS[0], folder, "small", None, True), inner(folder))
    return (min(len(there), whole - 1) if subset else whole), whole


def label_file(path: Path) -> Path:
    return path.with_name(f"{path.stem}_labels.csv")


def binning_of(backbone: str, **changes: Any) -> Binning:
    """The binning that the options of the task ask for."""
    return binning_for(BINNINGS[backbone], changes)


def read(source: Source, **changes: Any) -> Splits:
    """Splits of DVS128 Gesture; the options change its binning."""
    folder = inner(source.folder)
    there, subset = present(source, folder)
    recordings, sides = [], []
    for trial in there:
        for place, (gesture, start, end) in enumerate(labels(label_file(trial.path))):
            name = f"{trial.path.stem}/{place}"
            read_it = partial(read_gesture, trial.path, start, end, place)
            recordings.append(Recording(name, gesture, read_it, start))
            sides.append(trial.side)
    kept = np.ones(len(sides), dtype=bool)
    if source.limit:
        kept[np.flatnonzero(np.array(sides) < 2)[source.limit :]] = False
    chosen = [r for r, keep in zip(recordings, kept, strict=True) if keep]
    side = np.array(sides)[kept]

    def checksums() -> dict[str, str]:
        paths = [path for t in there for path in (t.path, label_file(t.path))]
        with Memo() as memo:
            sums = [(path.name, memo.checksum(path)) for path in paths]
        return {f"{len(there)} trials": combined(sums)}

    files = Folder(folder, ".aedat")
    refuse_copies(
        [Member(files, t.path.name, Place(place, t.user)) for t in there if t.side == number]
        for place, number in enumerate(range(3))
    )
    return recorded_splits(
        Recorded(chosen, SIDE, SIDE, checksums, (__file__,)),
        binning_of(source.backbone, **changes),
        [np.flatnonzero(side == number) for number in range(3)],
        lambda name: name.partition("_")[0],
        rule=RULE,
        notes=(
            f"subset: {len(there)} trials" if subset else "",
            source.limited("training gestures"),
        ),
        partial=subset,
    )


TASKS = (
    Task(
        name="dvs128-gesture",
        title="DVS128 Gesture, hand gestures before an event camera",
        kind="events",
        classes=CLASSES,
        citation="amir2017low",
        bibtex="""@inproceedings{amir2017low,
  author = {Amir, Arnon and Taba, Brian and Berg, David and Melano, Timothy and others},
  title = {A low power, fully event-based gesture recognition system},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages = {7388--7397}, year = {2017}, doi = {10.1109/CVPR.2017.781}
}""",
        read=read,
        folder="dvs128-gesture",
        shapes={name: Shape(b.time_steps, 2, b.height, b.width) for name, b in BINNINGS.items()},
        stages={"liaf": LIAF, "plif": plif(*plif_pooled(5, 512), classes=CLASSES)},
        options=OPTIONS,
        check_options=binning_of,
        files=(
            DataFile(ARCHIVE, md5="8a5c71fb11e24e5ca5b11866ca6c00a1", unpacked_bound=MAX_UNPACKED),
        ),
        extracted=(Extracted(ARCHIVE, ARCHIVE_FOLDER, count),),
        how_to_get="request DvsGesture.tar.gz from IBM Research (a form), put it into the folder "
        "dvs128-gesture of the data folder and run `liafbench data fetch dvs128-gesture`, which "
        "checks and unpacks it",
    ),
)
