"""One point of a sweep: all entrants at one batch size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from liafbench.baselines import backbones, build
from liafbench.baselines.errors import UsageError
from liafbench.bench.counting import ENERGY, count, energy
from liafbench.bench.timing.ceilings import Ceilings
from liafbench.bench.timing.energy import EnergyCounter
from liafbench.bench.timing.group import (
    Measurement,
    latencies,
    memory_of,
    of_rounds,
    phases,
    throughput,
)
from liafbench.bench.timing.memory import OutOfMemory, measure_footprint, reason, says_out_of_memory
from liafbench.bench.timing.network import Inference, TrainingStep
from liafbench.bench.timing.rounds import Until, interleave
from liafbench.bench.timing.stopwatch import stopwatch_for
from liafbench.bench.timing.sweeps import Entrant, Sweep
from liafbench.bench.timing.table import ESTIMATE
from liafbench.bench.timing.timings import Timings

SAMPLE_SECONDS = 0.05
LEAST_ROUNDS = 5
LATENCY_ROUNDS = 20
FIRST_RESULTS = 3  # processes at batch 1
NEURON_BYTES = {"float32": 8, "bfloat16": 4}  # a current read and an output written
MILLIJOULE_PER_PJ = 1e-9
Works = dict[str, Callable[[], object]]


@dataclass
class PointResult:
    """What one point gave: figures, the timings behind them, and who went no further and why."""

    measurements: list[Measurement] = field(default_factory=list)
    timings: Timings | None = None
    ended: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """What the points of a run share."""

    until: Until
    ceilings: Mapping[str, Ceilings]
    """By precision."""
    energy: EnergyCounter | None = None


def measure_point(
    sweep: Sweep, batch: int, entrants: tuple[Entrant, ...], bench: Bench
) -> PointResult:
    """Memory of each entrant in a process of its own, then all that fit, interleaved."""
    result = PointResult()
    shape = backbones.get(sweep.task, sweep.backbone)
    x = shape.example(batch)
    y = torch.arange(batch) % shape.classes
    fitting = [entrant for entrant in entrants if _fits(sweep, entrant, x, y, result)]
    works = _works(sweep, fitting, x, y, result)
    if not works:
        return result
    watch = stopwatch_for(sweep.execution.device)
    result.timings = interleave(
        works, rounds=LEAST_ROUNDS, min_time=SAMPLE_SECONDS, until=bench.until, stopwatch=watch
    )
    for name in works:
        result.measurements.append(
            throughput(f"{sweep.mode}_throughput", name, result.timings, batch)
        )
    steps = {n: work for n, work in works.items() if isinstance(work, TrainingStep)}
    calls = {n: work for n, work in works.items() if isinstance(work, Inference)}
    if steps:
        result.measurements += phases(steps, watch, LEAST_ROUNDS, bench.until.budget)
    if calls and batch == 1:
        result.measurements += latencies(calls, watch, LATENCY_ROUNDS, 1, bench.until.budget)
    if calls:
        result.measurements += _shares(sweep, fitting, x, result, bench)
    if bench.energy is not None:
        result.measurements += _energy(works, batch, bench.energy)
    return result


def _fits(sweep: Sweep, entrant: Entrant, x: Tensor, y: Tensor, result: PointResult) -> bool:
    """Try a step in fresh processes; whoever needs more memory than there is ends."""
    repeats = FIRST_RESULTS if x.shape[1] == 1 else 1
    training = sweep.mode == "training"
    try:
        builder = entrant.contender.builder(entrant.baseline, sweep.task, sweep.backbone)
        footprints = [
            measure_footprint(builder, x, y, execution=sweep.execution, train=training)
            for _ in range(repeats)
        ]
    except OutOfMemory as error:
        result.ended[entrant.name] = f"out of memory: {error}"
        return False
    except UsageError as error:
        result.ended[entrant.name] = f"n/a: {error}"
        return False
    result.measurements += memory_of(entrant.name, *footprints)
    return True


def _works(
    sweep: Sweep, entrants: list[Entrant], x: Tensor, y: Tensor, result: PointResult
) -> Works:
    """The entrants warmed up once side by side; out of memory ends one of them, not the point."""
    works: Works = {}
    for entrant in entrants:
        net = entrant.contender.builder(entrant.baseline, sweep.task, sweep.backbone)()
        work: Inference | TrainingStep
        try:
            if sweep.mode == "inference":
                work = Inference(net, x, sweep.execution)
            else:
                work = TrainingStep(net, x, y, sweep.execution)
            work()
        except (RuntimeError, MemoryError) as error:
            if not says_out_of_memory(error):
                raise
            result.ended[entrant.name] = f"out of memory beside the others: {reason(error)}"
            continue
        works[entrant.name] = work
    return works


def _shares(
    sweep: Sweep, entrants: list[Entrant], x: Tensor, result: PointResult, bench: Bench
) -> list[Measurement]:
    """Achieved FLOP/s and the bytes that neuron layers must move, as shares of the ceilings [%].

    The first counts the multiplications and additions of the dense network; the second one value
    read and one written a neuron update, so that it is a lower bound of the traffic. Beside them
    the energy that published constants give for these dense counts.
    """
    assert result.timings is not None
    ceilings = bench.ceilings[sweep.execution.precision]
    traffic = NEURON_BYTES[sweep.execution.precision]
    shares = []
    for entrant in entrants:
        if entrant.name not in result.timings.seconds:
            continue
        # The engines compute the same network; counted is the one whose operators are known.
        net = build(entrant.baseline, sweep.task, sweep.backbone)
        counts = count(net, x[:, :1])
        rates = [x.shape[1] / seconds for seconds in result.timings.seconds[entrant.name]]
        parts = {
            "flops_share": 2 * counts.mac_dense / ceilings.matrix_rate.value,
            "bandwidth_share": traffic * counts.neuron_updates / ceilings.bandwidth.value,
        }
        for metric, part in parts.items():
            values = tuple(100 * part * rate for rate in rates)
            shares.append(of_rounds(entrant.name, metric, values, "%"))
        estimate = MILLIJOULE_PER_PJ * energy(counts, ENERGY[ESTIMATE], dense=True)
        shares.append(of_rounds(entrant.name, "estimated_energy", (estimate,), "mJ/sample"))
    return shares


def _energy(works: Works, batch: int, counter: EnergyCounter) -> list[Measurement]:
    """Energy per sample by the GPU's counter [mJ/sample], one entrant after the other."""
    found = []
    for name, work in works.items():
        values: tuple[float, ...] = tuple(1000 * j / batch for j in counter.per_call(work))
        found.append(of_rounds(name, "gpu_energy", values, "mJ/sample"))
    return found
