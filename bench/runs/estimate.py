"""What the cells of a plan will take: from runs of this machine, else from counts and shapes.

An estimate says where it comes from; what nothing tells stays unknown.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from liafbench.baselines import Network, build
from liafbench.baselines.errors import UsageError
from liafbench.bench import tasks
from liafbench.bench.costs.cost import cost
from liafbench.bench.runfiles import Run
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.store import Store

MIB = 2**20
FLOAT_BYTES = 4
COPIES = {"adam": 4, "sgd": 2}
"""Of each parameter in training: weight, gradient, and Adam's two moments."""
LONG = 4  # steps
SAME_STEP = ("batch_size", "bucket", "precision", "channels_last", "augmentation", "optimizer")
"""What of a recipe decides what one epoch costs."""


@dataclass(frozen=True)
class Quantity:
    """A value and where it comes from; None with the reason where nothing tells."""

    value: float | None
    source: str
    at_least: bool = False


@dataclass(frozen=True)
class Estimate:
    """Seconds of a cell on this machine, and MiB of its training step above the bare process."""

    seconds: Quantity
    memory: Quantity


class Estimates:
    """Estimates for the cells of one machine, from the run files of all suites in `out`."""

    def __init__(self, store: Store) -> None:
        root, machine = store.folder.parent.parent, store.folder.name
        runs = [run for folder in sorted(root.glob(f"*/{machine}")) for run in _usable(folder)]
        self._epochs: dict[str, list[tuple[dict[str, Any], float]]] = {}
        self._timed: list[Run] = []
        self._found: dict[str, Estimate] = {}
        for run in runs:
            if run.kind == "time":
                self._timed.append(run)
            else:
                config = run.config.plain()
                seconds = run.seconds / config["recipe"]["epochs"]
                self._epochs.setdefault(config["baselines"][0], []).append((config, seconds))

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
        measured = self._epochs.get(cell.baseline, [])
        wanted = cell.config()
        same = [s for config, s in measured if _training_key(config) == _training_key(wanted)]
        epochs = cell.recipe.epochs
        if same:
            return Quantity(epochs * statistics.median(same), _said("run", len(same)))
        here = [(c, s) for c, s in measured if _data_key(c) == _data_key(wanted)]
        if here:
            return self._scaled(cell, [(c, s, 1.0) for c, s in here], "this task")
        samples = tasks.get(cell.task).training_samples(cell.data)
        if samples is None:
            return Quantity(None, "no run of it here; number of training samples not known")
        others = [
            (config, seconds, number)
            for config, seconds in measured
            if config["backbone"] == cell.backbone
            and (number := tasks.get(config["task"]).training_samples(config["data"]))
        ]
        if not others:
            return Quantity(None, "no run of this baseline and backbone here")
        factors = [(c, s, samples / n) for c, s, n in others]
        return self._scaled(cell, factors, ", ".join(sorted({c["task"] for c, _, _ in others})))

    def _scaled(
        self, cell: Cell, measured: list[tuple[dict[str, Any], float, float]], where: str
    ) -> Quantity:
        """Seconds an epoch times the ratio of samples and of dense MACs."""
        macs = _macs_of(cell.config())
        ratios = [
            seconds * factor * macs / other
            for config, seconds, factor in measured
            if macs and (other := _macs_of(config))
        ]
        if not ratios:
            return Quantity(None, "its MACs cannot be counted by shape")
        seconds = cell.recipe.epochs * statistics.median(ratios)
        return Quantity(seconds, f"MACs, from {_said('run', len(ratios))} on {where}")

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
        seconds = statistics.median(found) * len(cell.baselines)
        return Quantity(seconds, _said("timing run", len(found)))

    def _memory(self, cell: Cell) -> Quantity:
        """The measured peak of a step of this network and batch, else what its shape takes."""
        wanted = cell.config()
        measured = [
            record.value
            for run in self._timed
            if _network_key(run.config.plain(), cell.baseline)
            == _network_key(wanted, cell.baseline)
            and run.config.measure["timing_batch"] == cell.recipe.batch_size
            for record in run.records
            if record.metric == "peak_memory" and record.baseline == cell.baseline
        ]
        if measured:
            return Quantity(statistics.median(measured), _said("timing run", len(measured)))
        return by_shape(wanted)


def _usable(folder: Path) -> Iterator[Run]:
    """Finished runs with a time of their own; a training once, however often it was counted."""
    done = (run for run in Store(folder).all() if run.status == "done" and run.seconds > 0)
    return iter({run.origin: run for run in done}.values())


def _said(what: str, number: int) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _network_key(config: dict[str, Any], baseline: str) -> str:
    """What decides the network."""
    names = ("task", "backbone", "engine", "budget", "budget_reference", "options", "data")
    return json.dumps([baseline, *(config.get(name) for name in names)], sort_keys=True)


def _training_key(config: dict[str, Any]) -> str:
    """What decides the time of an epoch; not seed, learning rate or number of epochs."""
    recipe = [config["recipe"].get(name) for name in SAME_STEP]
    return _network_key(config, config["baselines"][0]) + json.dumps([recipe, config.get("code")])


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
    """MiB of parameters with gradient and optimizer state, and of what the backward pass keeps.

    Found without data or values, on meta tensors: a lower bound, as gradients of activations and
    temporary values come on top. A story has the backbone's nominal length.
    """
    recipe = config["recipe"]
    try:
        with torch.device("meta"):
            net = build(*_network(config), **config["options"]).train()
    except (UsageError, RuntimeError, NotImplementedError):
        return Quantity(None, "cannot be built without values")
    own = list(net.parameters())
    try:
        kept = _kept_bytes(net, recipe["batch_size"])
    except (RuntimeError, NotImplementedError):
        return Quantity(None, "its forward pass needs values")
    parameters = sum(p.numel() for p in own if p.requires_grad)
    state = FLOAT_BYTES * COPIES[recipe["optimizer"]] * parameters
    return Quantity((state + kept) / MIB, "shape", at_least=True)


def _kept_bytes(net: Network, batch: int) -> float:
    """Bytes that autograd keeps of a forward pass over all time steps.

    Every step after the second keeps as much as the third, so that loops need not be unrolled.
    """
    steps = net.backbone.time_steps
    if steps <= LONG:
        return _kept(net, batch, steps)
    short, longer = _kept(net, batch, LONG - 1), _kept(net, batch, LONG)
    return longer + (steps - LONG) * (longer - short)


def _kept(net: Network, batch: int, steps: int) -> int:
    """Bytes of the storages that autograd keeps of so many time steps, parameters apart."""
    shape = net.backbone
    kind = torch.int64 if shape.tokens else torch.float32
    x = torch.zeros(steps, batch, *shape.sample_shape, dtype=kind, device="meta")
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        net(x)
    found = {each.untyped_storage()._cdata: each for each in kept}
    for each in (*net.parameters(), *net.buffers()):
        found.pop(each.untyped_storage()._cdata, None)
    return sum(each.untyped_storage().nbytes() for each in found.values())
