"""How long the training of a suite takes, projected from training cells that were measured.

Frames: seconds = epochs x training samples x dense MACs x (measured seconds per sample and MAC).
Stories, whose time is overhead: epochs x training samples x (measured seconds per sample).
"""

from __future__ import annotations

import csv
import heapq
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from liafbench.baselines.errors import UsageError
from liafbench.bench import tasks
from liafbench.bench.results import find_folders
from liafbench.bench.runfiles import Run
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.plan import Options, plan
from liafbench.bench.runs.store import Store
from liafbench.bench.suites import Suite

ASSUMED_SAMPLES = {"dvs128-gesture": 1_000}
"""Training samples of a set whose size only reading it tells."""
PART_SAMPLES = {"nmnist": 905}
"""What the measured cells had of a set of which a part was there."""
STAND_INS = {
    "liaf-net-recurrent": "liaf-net",
    "klif-recurrent": "klif",
    "lif-snn-recurrent": "lif-snn",
    "liaf-net-alpha0": "liaf-net",
}
"""Whose rate is taken for a baseline that was not measured on stories."""


@dataclass(frozen=True)
class Span:
    """Lowest, median and highest of several values."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Span:
        return cls(min(values), statistics.median(values), max(values))

    def times(self, factor: float) -> Span:
        return Span(self.low * factor, self.middle * factor, self.high * factor)


@dataclass(frozen=True)
class Projection:
    """One suite: its training and tuning cells and their seconds on one core as measured."""

    suite: str
    tuning: list[Span]
    training: list[Span]

    def hours(self, workers: int) -> Span:
        """Hours on so many workers as fast as the measured core; training follows tuning."""
        tuned, trained = (
            [
                makespan([getattr(cell, name) for cell in cells], workers) / 3600
                for name in ("low", "middle", "high")
            ]
            for cells in (self.tuning, self.training)
        )
        return Span(*(a + b for a, b in zip(tuned, trained, strict=True)))


def _whole(task: str) -> int:
    samples = tasks.get(task).train_samples or ASSUMED_SAMPLES.get(task)
    if samples is None:
        raise UsageError(f"{task}: its training samples are not known; give it `train_samples`")
    return samples


def makespan(seconds: Sequence[float], workers: int) -> float:
    """When the last of these cells ends: each, in this order, goes to the first free worker."""
    free = [0.0] * workers
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)


def _is_measured(run: Run) -> bool:
    return run.kind == "train" and run.status == "done" and not run.is_stale


class Rates:
    """Seconds of training per sample and unit of work, by baseline, from measured runs."""

    def __init__(self, results: Sequence[Path], costs: Path) -> None:
        self._macs = _macs(costs)
        found: dict[tuple[bool, str], list[float]] = {}
        for folder in (folder for root in results for folder in find_folders(root)):
            # One training is one measurement, however often it was counted.
            trained = {run.origin: run for run in Store(folder).all() if _is_measured(run)}
            for run in trained.values():
                key, rate = self._measured(run)
                found.setdefault(key, []).append(rate)
        self._rates = {key: Span.of(values) for key, values in found.items()}
        self.cells = sum(map(len, found.values()))

    def _measured(self, run: Run) -> tuple[tuple[bool, str], float]:
        config = run.config.plain()
        task, (baseline,) = config["task"], config["baselines"]
        data = config["data"]
        samples = tasks.get(task).training_samples(data)
        if samples is None and data.get("allow_partial"):
            samples = PART_SAMPLES.get(task)
        if not samples:
            raise UsageError(f"run {run.run_id}: {task} {data}: samples are not known")
        seconds = next(r.value for r in run.records if r.metric == "training_time")
        stories = config["backbone"] == "tokens"
        where = (task, config["backbone"], config["budget"], baseline)
        work = config["recipe"]["epochs"] * samples * (1.0 if stories else self._macs[where])
        return (stories, baseline), seconds / work

    def seconds(self, cell: Cell) -> Span:
        """Projected seconds of one training or tuning cell."""
        stories = cell.backbone == "tokens"
        rate = self._rates.get((stories, cell.baseline))
        if rate is None and stories:
            rate = self._rates.get((stories, STAND_INS.get(cell.baseline, "")))
        if rate is None:
            raise UsageError(f"{cell.baseline}: no measured cell to project {cell.task} from")
        where = (cell.task, cell.backbone, cell.budget, cell.baseline)
        work = cell.recipe.epochs * _whole(cell.task)
        return rate.times(work * (1.0 if stories else self._macs[where]))


def _macs(costs: Path) -> dict[tuple[str, str, str, str], float]:
    """Dense MACs a sample by task, backbone, budget and baseline, of a table of costs."""
    try:
        with costs.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise UsageError(
            f"{costs}: no table of costs; `liafbench run counting` makes it"
        ) from error
    keys = ("task", "backbone", "budget", "baseline")
    return {
        (row[keys[0]], row[keys[1]], row[keys[2]], row[keys[3]]): float(row["mac_dense"])
        for row in rows
        if row["mac_dense"]
    }


def project(suite: Suite, rates: Rates) -> Projection:
    """Every tuning and training cell of a suite. UsageError where nothing was measured for one."""
    cells = plan(suite, Options(out=Path())).all_cells()
    seconds = {kind: [rates.seconds(c) for c in cells if c.kind == kind]
               for kind in ("tune", "train")}  # fmt: skip
    return Projection(suite.name, seconds["tune"], seconds["train"])
