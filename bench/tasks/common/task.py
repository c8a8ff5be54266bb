"""What a task is: a data set, its protocol and where its files come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from liafbench.baselines.backbones import Backbone, Design, small, tokens
from liafbench.baselines.errors import UsageError, unknown
from liafbench.baselines.stages import Stage
from liafbench.bench.tasks.common.options import check as checked_options
from liafbench.bench.tasks.common.splits import HOLD_OUT, Splits

DATA_VARIABLE = "LIAFBENCH_DATA"


class Shape(NamedTuple):
    """Time steps, channels, rows and columns of one sample."""

    time_steps: int
    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class DataFile:
    """One official file, its path below the task's folder, its checksum where one is published.

    `also` are other places for it, one without its last ending being the file uncompressed, of
    `unpacked_sha256`. `unpacked_bound` is set where fetching unpacks it, and is the most bytes that
    it may hold.
    """

    path: str
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    urls: tuple[str, ...] = ()
    size: int | None = None
    also: tuple[str, ...] = ()
    unpacked_bound: int | None = None
    unpacked_sha256: str | None = None

    @property
    def checksum(self) -> tuple[str, str | None]:
        """The algorithm and the expected value, None where it is not available."""
        known = (("sha256", self.sha256), ("sha1", self.sha1))
        return next((each for each in known if each[1]), ("md5", self.md5))


@dataclass(frozen=True)
class Extracted:
    """What an archive holds, as files of a folder.

    `count(folder)` gives how many of the files are there and how many there should be, each under
    its own name, in its own class; UsageError, with the file's name, where one is not.
    """

    archive: str
    name: str
    count: Callable[[Path], tuple[int, int]]


@dataclass(frozen=True)
class Source:
    """Where and how a task is to be read: its folder, its backbone, how much of it."""

    task: Task
    folder: Path
    backbone: str
    limit: int | None = None
    allow_partial: bool = False
    allow_unofficial: bool = False

    @property
    def shape(self) -> Shape:
        return self.task.shape(self.backbone)

    def limited(self, what: str) -> str:
        """A note of the limit; empty without one."""
        return f"first {self.limit} {what}" if self.limit else ""

    def missing(self, what: str, how_to_get: str = "") -> UsageError:
        """The error for files that are not there: what, where, and how to get them."""
        return UsageError(
            f"{self.task.name}: {what} not found; {how_to_get or self.task.how_to_get}"
        )

    def subset(self, what: str) -> None:
        """UsageError unless a part of the set is enough; `what` says what is lacking where."""
        if not self.allow_partial:
            raise UsageError(
                f"{self.task.name}: {what}; allow a partial set to use it as it is "
                "(allow_partial = true)"
            )


Reader = Callable[..., Splits]


@dataclass(frozen=True)
class Task:
    """A data set with its protocol; `read(source, **options)` gives its splits.

    `size` is the number of bytes of the official files, None where it is not available; `options`
    the names and defaults of what `load` accepts beside what it accepts for every task. `downloads`
    are what is fetched, if not the files themselves; `editions` other files for which an option
    asks.
    """

    name: str
    title: str
    kind: str  # "image", "events" or "tokens"
    classes: int
    citation: str
    bibtex: str
    read: Reader
    folder: str = ""
    static: bool = False
    embedded: bool = False
    train_samples: int | None = None
    """Of the whole set, after the validation split; None where only reading it tells."""
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    """Of one sample, by backbone, the default first; empty for a task of tokens."""
    stages: Mapping[str, Design | tuple[Stage, ...]] = field(default_factory=dict)
    """The layers of its backbones; those left out have the layers of `small`."""
    files: tuple[DataFile, ...] = ()
    editions: Mapping[str, tuple[DataFile, ...]] = field(default_factory=dict)
    extracted: tuple[Extracted, ...] = ()
    downloads: tuple[DataFile, ...] = ()
    size: int | None = None
    how_to_get: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    check_options: Callable[..., object] = lambda backbone, **options: None
    """`check_options(backbone, **options)`: UsageError for a value that `read` would refuse."""

    def training_samples(self, data: Mapping[str, Any]) -> int | None:
        """Training samples with these data options; None where only reading the data tells.

        A `limit` is taken of images and events before every tenth goes to validation, so that it
        gives this number to within a sample a class; of stories it is a limit of each family.
        """
        if self.train_samples is None or set(data) - {"limit"}:
            return None
        if "limit" not in data:
            return self.train_samples
        if self.kind == "tokens":
            return None
        return min(self.train_samples, round(data["limit"] * (HOLD_OUT - 1) / HOLD_OUT))

    def check(self, data: Mapping[str, Any], backbone: str | None = None) -> None:
        """UsageError for data options that this task does not have, or of another type or range."""
        checked_options(self.name, data, self.options)
        own = {name: data.get(name, default) for name, default in self.options.items()}
        try:
            self.check_options(self.backbone(backbone), **own)
        except UsageError as error:
            raise UsageError(f"{self.name}: {error}") from error

    @property
    def backbones(self) -> tuple[str, ...]:
        """The backbones this task has, the default first."""
        return tuple(self.shapes) if self.shapes else ("tokens",)

    def shape(self, backbone: str | None = None) -> Shape:
        """The shape of one sample on a backbone. Tokens have none."""
        if not self.shapes:
            raise UsageError(f"{self.name} has tokens, not frames: its samples have no fixed shape")
        return self.shapes[self.backbone(backbone)]

    def backbone(self, backbone: str | None = None) -> str:
        """The backbone itself, or the task's first one for None."""
        if backbone is None:
            return self.backbones[0]
        if backbone not in self.backbones:
            raise unknown(f"backbone of {self.name}", backbone, self.backbones)
        return backbone

    def network(self, backbone: str | None = None, layers: int | None = None) -> Backbone:
        """A backbone by name, None for the first; `layers` of units on tokens (1)."""
        name = self.backbone(backbone)
        if not self.shapes:
            return tokens(self.name, self.classes, 1 if layers is None else layers)
        if layers is not None:
            raise UsageError(f"`layers` is an option of the tokens backbone, not of {name!r}")
        design = self.stages.get(name) or small(self.classes)
        if not isinstance(design, Design):
            design = Design(tuple(design))
        return design.on(self.name, name, self.shapes[name], self.classes)

    def load(
        self,
        data_dir: str | os.PathLike[str] | None = None,
        *,
        backbone: str | None = None,
        limit: int | None = None,
        allow_partial: bool = False,
        allow_unofficial: bool = False,
        **options: Any,
    ) -> Splits:
        """Read the splits; see `liafbench.bench.tasks.load`."""
        given = {"allow_partial": allow_partial, "allow_unofficial": allow_unofficial, **options}
        self.check(given if limit is None else {"limit": limit, **given}, backbone)
        folder = Path() if self.embedded else data_folder(self, data_dir)
        allowed = allow_partial, allow_unofficial
        source = Source(self, folder, self.backbone(backbone), limit, *allowed)
        try:
            return self.read(source, **{**self.options, **options})
        except PermissionError as error:
            reason = f"{error.filename or folder} cannot be read: {error.strerror}"
            raise UsageError(f"{self.name}: {reason}") from error


def base_folder(data_dir: str | os.PathLike[str] | None) -> Path:
    """The folder of all data, from the argument or LIAFBENCH_DATA."""
    base = data_dir if data_dir is not None else os.environ.get(DATA_VARIABLE)
    if base is None or not os.fspath(base):
        raise UsageError(f"which data folder? give one (--data) or set {DATA_VARIABLE}")
    return Path(base).expanduser()


def data_folder(task: Task, data_dir: str | os.PathLike[str] | None) -> Path:
    """The folder of a task's files; UsageError, with how to get them, if it is not there."""
    try:
        base = base_folder(data_dir)
    except UsageError as error:
        raise UsageError(f"{task.name}: {error}; {task.how_to_get}") from None
    for folder in (base, base / task.folder):
        if not os.path.isdir(folder):  # also where it may not be looked into
            raise UsageError(f"{task.name}: no folder {folder}; {task.how_to_get}")
    return base / task.folder
