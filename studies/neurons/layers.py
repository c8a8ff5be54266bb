"""One neuron layer: forward and training, contenders interleaved, against the memory limit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from liafbench.baselines.engines import make_neuron
from liafbench.baselines.errors import UsageError
from liafbench.bench.timing.rounds import Until, interleave
from liafbench.bench.timing.stopwatch import stopwatch_for
from liafbench.bench.timing.timings import Timings
from studies.neurons.limit import MemoryLimit

LIMIT = "memory limit"
NATIVE = "native"
COMPILED = "spikingjelly + torch.compile"
EAGER = ("spikingjelly", "snntorch")
KINDS = ("lif", "liaf", "klif")
TIME_STEPS = (8, 60)
MEGA = 2**20

# One setting that every library can express: that of the plif backbone.
SHARED: dict[str, Any] = {"v_threshold": 1.0, "v_reset": 0.0, "detach_reset": True}
SETTINGS: dict[str, dict[str, Any]] = {
    "lif": {**SHARED, "alpha": 0.5, "gain": 0.5, "surrogate": "atan"},
    "liaf": {**SHARED, "alpha": 0.5, "gain": 0.5, "surrogate": "atan", "activation": "relu"},
    "klif": {**SHARED, "tau": 2.0, "surrogate": "atan"},
}


@dataclass(frozen=True)
class Row:
    """A contender in one cell of the table; ratios are paired round by round."""

    neuron: str
    time_steps: int
    elements: int
    work: str  # "forward" or "training"
    contender: str
    median_ms: float
    spread_ms: float
    rounds: int
    to_limit: float
    to_limit_low: float
    to_limit_high: float
    times_native: float  # how many times as long as native

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Cell:
    """A neuron at one number of time steps and elements."""

    neuron: str
    time_steps: int
    elements: int
    device: str = "cpu"

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Currents and output gradients [T, B, N], reproducible; a whole number of cache lines."""
        columns = self.elements // (self.time_steps * 1024) * 1024
        generator = torch.Generator().manual_seed(0)
        shape = (self.time_steps, 16, columns // 16)
        x = torch.empty(shape).normal_(generator=generator)
        return x.to(self.device), torch.empty_like(x).normal_(generator=generator).to(self.device)


class Work:
    """A layer called on the currents; in training also backward, to x and to the parameters.

    Whether gradients are on is left to the caller: to turn them off takes, from cold caches, a
    noticeable part of what a layer takes, and is no part of it.
    """

    def __init__(self, layer: nn.Module, x: Tensor, grad_y: Tensor, train: bool) -> None:
        self.layer, self.grad_y, self.train = layer, grad_y, train
        self.x = x.detach().requires_grad_(train)
        parameters = list(getattr(layer, "_orig_mod", layer).parameters())
        self.wanted = [self.x, *parameters]

    def __call__(self) -> None:
        y = self.layer(self.x)
        if self.train:
            torch.autograd.grad(y, self.wanted, self.grad_y)


def contenders(
    kind: str, time_steps: int, compiled: bool, device: str = "cpu"
) -> dict[str, nn.Module]:
    """The layer of every engine that can express it, and spikingjelly's under torch.compile."""
    found = {}
    for engine in (NATIVE, "reference", *EAGER):
        try:
            found[engine] = make_neuron(engine, kind, **SETTINGS[kind]).to(device)
        except UsageError:
            continue  # the table of capabilities names the reason
    if compiled:
        found[COMPILED] = _compiled(kind, time_steps, device)
    return found


def _compiled(kind: str, time_steps: int, device: str) -> nn.Module:
    torch._dynamo.reset()
    eager = make_neuron("spikingjelly", kind, **SETTINGS[kind]).to(device)
    layer = cast(nn.Module, torch.compile(eager))
    x = torch.zeros(time_steps, 16, 4096, device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for train in (False, True):
            current = x.clone().requires_grad_(train)
            # One code for every number of columns: it is compiled once for both sizes.
            torch._dynamo.mark_dynamic(current, 2)
            with torch.set_grad_enabled(train):
                y = layer(current)
            if train:
                y.sum().backward()
    return layer


def measure(
    cell: Cell,
    layers: dict[str, nn.Module],
    *,
    rounds: int,
    until: Until | None = None,
    warmup: int = 1,
) -> Iterator[Row]:
    """Rows of forward and training; the limit streams in every round. `until`: see `interleave`."""
    x, grad_y = cell.tensors()
    limit = MemoryLimit(x, grad_y)
    for work, train in (("forward", False), ("training", True)):
        racing: dict[str, Callable[[], object]] = {LIMIT: limit.contender(train)}
        for name, layer in layers.items():
            racing[name] = Work(layer, x, grad_y, train)
        with torch.set_grad_enabled(train):
            timings = interleave(
                racing,
                rounds=rounds,
                until=until,
                warmup=warmup,
                stopwatch=stopwatch_for(cell.device),
            )
        yield from rows(cell, work, timings)


def rows(cell: Cell, work: str, timings: Timings) -> Iterator[Row]:
    """The table's rows of one series of rounds."""
    for name in timings.seconds:
        ratio = timings.ratio(name, LIMIT)
        yield Row(
            neuron=cell.neuron,
            time_steps=cell.time_steps,
            elements=cell.elements,
            work=work,
            contender=name,
            median_ms=1e3 * timings.median(name),
            spread_ms=1e3 * timings.spread(name),
            rounds=timings.rounds,
            to_limit=ratio.value,
            to_limit_low=ratio.low,
            to_limit_high=ratio.high,
            times_native=timings.ratio(name, NATIVE).value,
        )
