"""Train, validation and test: which samples, in which order, in which batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from liafbench.bench.tasks.common.samples import Samples

if TYPE_CHECKING:
    import torch

HOLD_OUT = 10  # one in ten
BUCKET_POOL = 50  # batches that are sorted by length together


class Batch(NamedTuple):
    """x [T, B, ...] (float32; tokens int64, left-padded with 0), y [B], index [B] in the split."""

    x: torch.Tensor
    y: torch.Tensor
    index: torch.Tensor  # type: ignore[assignment]  # hides tuple.index


class Split:
    """Some rows of a set of samples, with their targets. Splits of one set share its memory."""

    def __init__(
        self,
        samples: Samples,
        rows: np.ndarray,
        targets: np.ndarray,
        groups: Sequence[str] | None = None,
    ) -> None:
        self.samples = samples
        self.rows = np.asarray(rows, dtype=np.int64)
        self.targets = np.asarray(targets, dtype=np.int64)
        self.groups = None if groups is None else tuple(groups)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def ids(self) -> list[str]:
        """A name of every sample, the same on every machine."""
        return [self.samples.identity(int(row)) for row in self.rows]

    @property
    def sources(self) -> list[str]:
        """What every sample was made from: samples of one source belong to one split."""
        return [self.samples.source(int(row)) for row in self.rows]

    def batches(
        self, size: int, *, generator: torch.Generator | None = None, bucket: bool = False
    ) -> Iterator[Batch]:
        """Batches of `size` samples, the last one smaller.

        With a generator in a random order drawn from it, else in stored order. `bucket` puts
        samples of similar length together, so that less is padded.
        """
        if size < 1:
            raise ValueError(f"batch size {size} is less than 1")
        import torch

        for index in self._order(size, generator, bucket):
            x = self.samples.gather(self.rows[index])
            yield Batch(x, torch.from_numpy(self.targets[index]), torch.from_numpy(index))

    def _order(
        self, size: int, generator: torch.Generator | None, bucket: bool
    ) -> Iterator[np.ndarray]:
        import torch

        order = np.arange(len(self))
        if generator is not None:
            order = torch.randperm(len(self), generator=generator).numpy()
        if bucket and self.samples.lengths is not None:
            lengths = self.samples.lengths[self.rows]
            pool = size * BUCKET_POOL if generator is not None else max(len(self), 1)
            pools = [order[start : start + pool] for start in range(0, len(order), pool)]
            sorted_pools = [part[np.argsort(lengths[part], kind="stable")] for part in pools]
            order = np.concatenate([order[:0], *sorted_pools])
        starts = np.arange(0, len(order), size)
        if bucket and generator is not None:
            starts = starts[torch.randperm(len(starts), generator=generator).numpy()]
        for start in starts:
            yield order[start : start + size]


@dataclass(frozen=True)
class Splits:
    """The three parts of a task and where they come from."""

    train: Split
    validation: Split
    test: Split
    provenance: dict[str, Any]

    def __iter__(self) -> Iterator[Split]:
        return iter((self.train, self.validation, self.test))

    @classmethod
    def of(
        cls,
        samples: Samples,
        labels: np.ndarray,
        rows: Iterable[np.ndarray],
        **provenance: Any,
    ) -> Splits:
        """The parts of one set of samples with these labels; see `described`."""
        return described(*(Split(samples, part, labels[part]) for part in rows), **provenance)

    @property
    def checksum(self) -> str:
        return split_checksum(self.train, self.validation, self.test)


def described(
    train: Split,
    validation: Split,
    test: Split,
    *,
    files: dict[str, str],
    rule: str,
    transform: str,
    notes: Iterable[str] = (),
    partial: bool = False,
    unofficial: bool = False,
    **more: Any,
) -> Splits:
    """Splits with their provenance: checksums of the files, rule, transform, what is not whole."""
    provenance = {
        "files": files,
        "split_rule": rule,
        "split_checksum": split_checksum(train, validation, test),
        "transform": transform,
        "partial": partial,
        "unofficial": unofficial,
        "note": "; ".join(filter(None, notes)),
        **more,
    }
    return Splits(train, validation, test, provenance)


def split_checksum(*splits: Split) -> str:
    """SHA-256 over the names of the samples of each split, in order."""
    digest = hashlib.sha256()
    for split in splits:
        digest.update("\n".join(split.ids).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def hold_out(keys: np.ndarray, one_in: int = HOLD_OUT) -> np.ndarray:
    """True for every tenth sample of each key (a class, a family), counted in stored order.

    The rule behind every validation split here: stratified, and anyone can recompute it.
    """
    keys = np.asarray(keys)
    held = np.zeros(len(keys), dtype=bool)
    for key in np.unique(keys):
        of_key = np.flatnonzero(keys == key)
        held[of_key[one_in - 1 :: one_in]] = True
    return held
