"""A cell with what it needs to be run somewhere."""

from __future__ import annotations

from dataclasses import dataclass

from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.store import Stamp, Store


@dataclass(frozen=True)
class Job:
    """A cell with what it needs from this machine; picklable.

    `seen` is the state of its run file when it was decided to run it; `trained` a finished run that
    differs in its counted samples alone.
    """

    cell: Cell
    store: Store
    data_dir: str | None
    device: str
    jobs: int = 1
    learning_rate: float = 0.0
    tuning_seconds: float = 0.0
    seen: Stamp | None = None
    trained: str | None = None
