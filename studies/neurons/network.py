"""A whole training step: 2x34x34, T = 10, batch 16, engines against each other and a ReLU floor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from liafbench.baselines import build
from liafbench.baselines.neurons import Neuron
from liafbench.bench.execution import Execution
from liafbench.bench.timing.network import TrainingStep
from liafbench.bench.timing.rounds import Until, interleave
from liafbench.bench.timing.stopwatch import stopwatch_for
from liafbench.bench.timing.timings import Timings
from studies.neurons.stepwise import StepwiseSpikingJelly

TASK = "nmnist"
BASELINE = "lif-snn"
BACKBONES = ("plif", "small")
FLOOR = "ReLU floor"
NATIVE = "native"
STEPWISE = "spikingjelly, its own layers step by step"
"""In the library's default step mode, and in float32 whatever the options of the others are."""
CONTENDERS = (NATIVE, FLOOR, "spikingjelly", "snntorch", STEPWISE)
TIME_STEPS, BATCH, CLASSES = 10, 16, 10


@dataclass(frozen=True)
class Step:
    """A contender's training step (forward, loss, backward, Adam).

    `native`: the options of the native network beside it, which all but STEPWISE share.
    """

    backbone: str
    native: str
    threads: int
    contender: str
    options: str
    median_ms: float
    spread_ms: float
    rounds: int
    times_native: float
    times_native_low: float
    times_native_high: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def with_relu(net: nn.Module) -> nn.Module:
    """The network with a ReLU in the place of every neuron: what no neuron can be faster than."""
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Neuron):
                setattr(parent, name, nn.ReLU())
    return net


def network(contender: str, backbone: str) -> nn.Module:
    """The same initial weights for every contender."""
    torch.manual_seed(0)
    engine = {FLOOR: NATIVE, STEPWISE: "spikingjelly"}.get(contender, contender)
    net = build(BASELINE, TASK, backbone, engine=engine)
    if contender == STEPWISE:
        return StepwiseSpikingJelly(net)
    return with_relu(net) if contender == FLOOR else net


def batch() -> tuple[Tensor, Tensor]:
    """Sparse event counts and labels, reproducible."""
    generator = torch.Generator().manual_seed(0)
    rates = torch.full((TIME_STEPS, BATCH, 2, 34, 34), 0.2)
    labels = torch.randint(CLASSES, (BATCH,), generator=generator)
    return torch.poisson(rates, generator=generator), labels


def measure(
    backbone: str,
    options: Execution,
    threads: int,
    *,
    rounds: int,
    until: Until | None = None,
    warmup: int = 2,
) -> Iterator[Step]:
    """One row a contender, all interleaved, on so many threads. `until`: see `interleave`."""
    x, y = batch()
    with _threads(threads):
        steps = {
            name: TrainingStep(network(name, backbone), x, y, _options_of(name, options))
            for name in CONTENDERS
        }
        timings = interleave(
            steps,
            rounds=rounds,
            until=until,
            warmup=warmup,
            stopwatch=stopwatch_for(options.device),
        )
    yield from _rows(backbone, options, threads, timings)


def _options_of(contender: str, options: Execution) -> Execution:
    return Execution(device=options.device) if contender == STEPWISE else options


def _rows(backbone: str, options: Execution, threads: int, timings: Timings) -> Iterator[Step]:
    for name in timings.seconds:
        ratio = timings.ratio(name, NATIVE)
        yield Step(
            backbone=backbone,
            native=options.label,
            threads=threads,
            contender=name,
            options=_options_of(name, options).label,
            median_ms=1e3 * timings.median(name),
            spread_ms=1e3 * timings.spread(name),
            rounds=timings.rounds,
            times_native=ratio.value,
            times_native_low=ratio.low,
            times_native_high=ratio.high,
        )


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
