"""What the cells of a plan will take: from measured runs, else from counts and shapes.

Frames: seconds = epochs x training samples x dense MACs x (measured seconds per sample and MAC).
Stories, whose time is overhead: epochs x training samples x (measured seconds per sample).
An estimate says where it comes from; values without a source are unknown.
"""

from __future__ import annotations

import heapq
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from liafbench.baselines import BASELINES, build
from liafbench.baselines.errors import UsageError
from liafbench.bench import tasks
from liafbench.bench.costs.cost import cost
from liafbench.bench.results import find_folders
from liafbench.bench.runfiles import Run
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.resources import step_bytes
from liafbench.bench.runs.store import Store
from liafbench.bench.tasks import TASKS

MIB = 2**20
SAME_STEP = ("batch_size", "bucket", "precision", "channels_last", "augmentation", "optimizer")
"""What of a recipe decides what one epoch costs."""
STORIES = "tokens"
STAND_INS = {
    "liaf-net-recurrent": "liaf-net",
    "klif-recurrent": "klif",
    "lif-snn-recurrent": "lif-snn",
    "liaf-net-alpha0": "liaf-net",
}
"""Whose runs stand in for a baseline without any."""
Epoch = tuple[dict[str, Any], float]
"""The configuration of a finished run, and its seconds an epoch."""


@dataclass(frozen=True)
class Quantity:
    """A value and where it comes from; None with the reason where there is no source.

    low and high: the whole span of the runs that the value is the median of.
    """

    value: float | None
    source: str
    at_least: bool = False
    low: float | None = None
    high: float | None = None

    @classmethod
    def median(cls, values: Sequence[float], source: str) -> Quantity:
        return cls(statistics.median(values), source, low=min(values), high=max(values))


@dataclass(frozen=True)
class Estimate:
    """Seconds of a cell on the machine measured, and MiB of its training step above the process."""

    seconds: Quantity
    memory: Quantity


class Estimates:
    """Estimates from finished runs; each training is one measurement, however often counted."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._epochs: dict[str, list[Epoch]] = {}
        self._timed: list[Run] = []
        self._found: dict[str, Estimate] = {}
        done = (run for run in runs if run.status == "done" and run.seconds > 0)
        for run in {run.origin: run for run in done}.values():
            if run.kind == "time":
                self._timed.append(run)
            else:
                config = run.config.model_dump()
                if epochs := config["recipe"].get("epochs"):
                    measured = self._epochs.setdefault(config["baselines"][0], [])
                    measured.append((config, run.seconds / epochs))

    @classmethod
    def of_machine(cls, store: Store) -> Estimates:
        """From the runs of all suites beside a store, on its machine."""
        root, machine = store.folder.parent.parent, store.folder.name
        return cls(
            run for folder in sorted(root.glob(f"*/{machine}")) for run in Store(folder).all()
        )

    @classmethod
    def of_results(cls, results: Iterable[Path]) -> Estimates:
        """From results folders, whatever the machine."""
        folders = [folder for root in results for folder in find_folders(root)]
        return cls(run for folder in folders for run in Store(folder).all())

    def of(self, cell: Cell) -> Estimate:
        """The estimate of one cell, whether it is done already or not."""
        if cell.kind == "time":
            return Estimate(self._timing(cell), Quantity(None, "timing cells measure it"))
        # Seeds and learning rates change nothing here.
        key = _training_key(cell.config()) + str(cell.recipe.epochs)
        if key not in self._found:
            self._found[key] = Estimate(self._training(cell), self._memory(cell))
        return self._found[key]

    def _training(self, cell: Cell) -> Quantity:
        """From runs of the same training, the same task, or another task, in this order."""
        wanted, epochs = cell.config(), cell.recipe.epochs
        stand_in = STAND_INS.get(cell.baseline, "")
        name = cell.baseline if self._epochs.get(cell.baseline) else stand_in
        measured = self._epochs.get(name, [])
        same = [s for config, s in measured if _training_key(config) == _training_key(wanted)]
        if same:
            return Quantity.median([epochs * s for s in same], _said("run", len(same)))
        by = "" if name == cell.baseline else f" of {name}"
        here = [(c, s, 1.0) for c, s in measured if _data_key(c) == _data_key(wanted)]
        if here:
            return self._scaled(cell, here, f"{by} on this task")
        samples = tasks.get(cell.task).training_samples(cell.data)
        if samples is None:
            return Quantity(None, "no run of it here; number of training samples not known")
        alike = [(config, seconds) for config, seconds in measured if _alike(config, cell)]
        others = [
            (config, seconds, samples / number)
            for config, seconds in alike
            if (number := tasks.get(config["task"]).training_samples(config["data"]))
        ]
        beside = [each for each in others if each[0]["backbone"] == cell.backbone] or others
        if not beside:
            return Quantity(None, "no run of this baseline on such data here")
        where = ", ".join(sorted({config["task"] for config, _, _ in beside}))
        return self._scaled(cell, beside, f"{by} on {where}")

    def _scaled(
        self, cell: Cell, measured: list[tuple[dict[str, Any], float, float]], where: str
    ) -> Quantity:
        """Seconds an epoch times the ratio of samples and, for frames, of dense MACs."""
        epochs, runs = cell.recipe.epochs, _said("run", len(measured))
        if cell.backbone == STORIES:
            values = [epochs * seconds * factor for _, seconds, factor in measured]
            return Quantity.median(values, f"samples, from {runs}{where}")
        macs = _macs_of(cell.config())
        values = [
            epochs * seconds * factor * macs / other
            for config, seconds, factor in measured
            if macs and (other := _macs_of(config))
        ]
        if not values:
            return Quantity(None, "its MACs cannot be counted by shape")
        return Quantity.median(values, f"MACs, from {_said('run', len(values))}{where}")

    def _timing(self, cell: Cell) -> Quantity:
        """From timing runs of the task and backbone, by baselines."""
        found = [
            run.seconds / len(run.config.baselines)
            for run in self._timed
            if (run.config.task, run.config.backbone) == (cell.task, cell.backbone)
            and run.config.measure == cell.config()["measure"]
        ]
        if not found:
            return Quantity(None, "not timed here")
        values = [seconds * len(cell.baselines) for seconds in found]
        return Quantity.median(values, _said("timing run", len(found)))

    def _memory(self, cell: Cell) -> Quantity:
        """The measured peak of a step of this network and batch, else what its shape takes."""
        wanted = cell.config()
        measured = [
            record.value
            for run in self._timed
            if _network_key(run.config.model_dump(), cell.baseline)
            == _network_key(wanted, cell.baseline)
            and run.config.measure.get("timing_batch") == cell.recipe.batch_size
            for record in run.records
            if record.metric == "peak_memory" and record.baseline == cell.baseline
        ]
        if measured:
            return Quantity(statistics.median(measured), _said("timing run", len(measured)))
        return by_shape(wanted)


def makespan(seconds: Sequence[float], workers: int) -> float:
    """When the last of these cells ends: each, in this order, goes to the first free worker."""
    free = [0.0] * min(workers, max(1, len(seconds)))
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)


def _alike(config: dict[str, Any], cell: Cell) -> bool:
    """Whether a run tells of a cell: frames of frames, stories of stories, by names known here.

    What a run file names is never imported.
    """
    named = (config["task"], config.get("budget_reference"))
    known = (*TASKS, *BASELINES, None, cell.task, cell.build_budget)
    same_kind = (config["backbone"] == STORIES) == (cell.backbone == STORIES)
    return same_kind and all(name in known for name in named)


def _said(what: str, number: int) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _network_key(config: dict[str, Any], baseline: str) -> str:
    """What decides the network."""
    names = ("task", "backbone", "engine", "budget", "budget_reference", "options", "data")
    return json.dumps([baseline, *(config.get(name) for name in names)], sort_keys=True)


def _training_key(config: dict[str, Any]) -> str:
    """What decides the time of an epoch; not seed, learning rate or number of epochs."""
    recipe = [config["recipe"].get(name) for name in SAME_STEP]
    return _network_key(config, config["baselines"][0]) + json.dumps(
        [recipe, config.get("code") or {}]
    )


def _data_key(config: dict[str, Any]) -> str:
    """What decides how many samples an epoch has, and who computes them."""
    names = ("task", "backbone", "engine", "data")
    return json.dumps([config[name] for name in names], sort_keys=True)


def _macs_of(config: dict[str, Any]) -> float | None:
    """Dense MACs of one sample of a configuration's network; None where they cannot be counted."""
    return _macs(*_network(config)) if not config["options"] else None


@cache
def _macs(
    baseline: str, task: str, backbone: str | None, engine: str, budget: str | None
) -> float | None:
    try:
        return cost(baseline, task, backbone, engine, budget)[1].mac_dense
    except UsageError:  # cannot be built, or not be counted
        return None


def _network(config: dict[str, Any]) -> tuple[str, str, str | None, str, str | None]:
    """The arguments of `build`."""
    backbone = config["backbone"] or None
    budget = config.get("budget_reference")
    return config["baselines"][0], config["task"], backbone, config["engine"], budget


def by_shape(config: dict[str, Any]) -> Quantity:
    """MiB of a training step, without data or values: on meta tensors, and so a lower bound.

    Gradients of activations and temporary values come on top. A story has the backbone's nominal
    length.
    """
    recipe = config["recipe"]
    try:
        with torch.device("meta"):
            net = build(*_network(config), **config["options"]).train()
    except (UsageError, RuntimeError, NotImplementedError):
        return Quantity(None, "cannot be built without values")
    try:
        step = step_bytes(net, recipe["batch_size"], recipe["optimizer"])
    except (RuntimeError, NotImplementedError):
        return Quantity(None, "its forward pass needs values")
    return Quantity(step / MIB, "shape", at_least=True)
