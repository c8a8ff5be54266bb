"""What happens on a node of the cluster: one cell, by the executor for one machine."""

from __future__ import annotations

import platform
import tempfile
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray

from liafbench.baselines.errors import UsageError
from liafbench.bench.runfiles import NUMERICS_VERSION, Run
from liafbench.bench.runs.cluster.placing import Listing, place, read_chunk
from liafbench.bench.runs.pool import execute
from liafbench.bench.runs.provenance import commit, machine, versions
from liafbench.bench.runs.queue import Job, Listed
from liafbench.bench.runs.store import Store


@dataclass(frozen=True)
class Software:
    """What must be the same on every node, so that a cell gives the same numbers there."""

    machine: str
    commit: str | None
    numerics: int
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls, device: str) -> Software:
        """That of this process's node."""
        return cls(machine(device), commit(), NUMERICS_VERSION, tuple(versions().items()))

    def difference(self, other: Software) -> str | None:
        """The first difference in words, None where there is none."""
        mine, theirs = dict(self.versions), dict(other.versions)
        pairs = {
            "machine": (self.machine, other.machine),
            "commit": (self.commit, other.commit),
            "numerics version": (self.numerics, other.numerics),
            **{name: (mine.get(name), theirs.get(name)) for name in {**mine, **theirs}},
        }
        for what, (one, two) in pairs.items():
            if one != two:
                return f"{what} {two} and not {one}"
        return None


def describe(device: str) -> Software:
    """The software of the node this task runs on."""
    return Software.here(device)


class Desk:
    """An actor on the driver's node: takes the nodes' progress, hands out the driver's data."""

    def __init__(self) -> None:
        self._epochs: deque[tuple[str, int, int]] = deque()

    def epoch(self, run_id: str, epoch: int, epochs: int) -> None:
        """A node reports an epoch."""
        self._epochs.append((run_id, epoch, epochs))

    def take(self) -> list[tuple[str, int, int]]:
        """The epochs since the last call."""
        return [self._epochs.popleft() for _ in range(len(self._epochs))]

    def read(self, data_dir: str, path: str, offset: int) -> bytes:
        """A piece of a data file."""
        return read_chunk(data_dir, path, offset)


def run_cell(
    job: Job, desk: Any, listing: Listing | None, wanted: Software, at_once: int
) -> tuple[Run, bytes | None]:
    """Run one cell here; its run and the bytes of its checkpoint go back to the driver.

    A cell that fails by itself comes back as a failed run, as on one machine. `at_once` is how many
    cells the node can hold, for the run's provenance.
    """
    difference = wanted.difference(Software.here(job.device))
    if difference:
        raise UsageError(
            f"a node of the cluster ({platform.node()}) has {difference}: its numbers would be of "
            "another kind; take it out, or make it equal"
        )
    data_dir = job.data_dir
    if listing is not None:

        def read(path: str, offset: int) -> bytes:
            return ray.get(desk.read.remote(listing.data_dir, path, offset))

        data_dir = place(listing, read)
    with tempfile.TemporaryDirectory(prefix="liafbench-") as folder:
        store = Store(Path(folder))
        store.prepare()
        # Another run's weights are with the driver: here its training is repeated.
        here = replace(job, store=store, data_dir=data_dir, jobs=at_once, seen=None, trained=None)
        runs: list[Run] = []
        execute(Listed([here]), 1, lambda *epoch: desk.epoch.remote(*epoch), runs.append)
        (run,) = runs
        weights = store.checkpoint(run.run_id)
        return run, weights.read_bytes() if weights.exists() else None
