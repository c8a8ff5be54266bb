"""The networks of one table, measured together: throughput, latency, step, memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from liafbench.bench.execution import Execution
from liafbench.bench.timing.intervals import Array, iqr_half_width, resampled
from liafbench.bench.timing.memory import Footprint, measure_footprint
from liafbench.bench.timing.network import (
    Builder,
    Inference,
    Loss,
    MakeOptimizer,
    TrainingStep,
    adam,
)
from liafbench.bench.timing.rounds import Until, interleave, turn
from liafbench.bench.timing.stopwatch import Stopwatch, stopwatch_for
from liafbench.bench.timing.timings import Timings

LEAST_ROUNDS = 3
SAMPLE_SECONDS = 0.02  # a sample shorter than this is repeated until it is as long
BURST = 10  # single calls a round for the latency
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Measurement:
    """One figure of one contender: n measurements, their spread, and the raw values.

    The spread is half the interquartile range; of a latency percentile, that of its bootstrap.
    """

    contender: str
    metric: str
    value: float
    unit: str
    n: int
    spread: float
    raw: tuple[float, ...] = ()


class ContenderFailed(RuntimeError):
    """The work of one contender raised an error, which is the cause of this one."""

    def __init__(self, contender: str, cause: Exception) -> None:
        super().__init__(f"{contender}: {cause}")
        self.contender, self.cause = contender, cause


class Attributed:
    """Work of one contender, whose errors say whose they are; its parts are attributed as well."""

    def __init__(self, contender: str, work: Callable[[], Any]) -> None:
        self.contender, self.work = contender, work

    def __call__(self) -> Any:
        try:
            return self.work()
        except Exception as error:
            raise ContenderFailed(self.contender, error) from error

    def __getattr__(self, part: str) -> Attributed:
        return Attributed(self.contender, getattr(self.work, part))


@dataclass
class GroupTimes:
    """Everything measured of a group; iterates over its measurements.

    `failed`: why a part of the measurements of a contender is not there.
    """

    measurements: list[Measurement] = field(default_factory=list)
    timings: dict[str, Timings] = field(default_factory=dict)
    failed: dict[tuple[str, str], Exception] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self.measurements)

    def conditions(self) -> dict[str, Any]:
        """For the provenance: threads, allocator, load and noise of each series of rounds."""
        return {
            name: {
                **timings.conditions.to_dict(),
                "noise": timings.noise(),
                "verdict": timings.verdict(),
            }
            for name, timings in self.timings.items()
        }


def time_group(
    builders: Mapping[str, Builder],
    x: Tensor,
    y: Tensor,
    *,
    rounds: int = 10,
    warmup: int = 2,
    execution: Execution | None = None,
    loss: Loss = F.cross_entropy,
    make_optimizer: MakeOptimizer = adam,
    memory: bool = True,
    budget: float = float("inf"),
    stopwatch: Stopwatch | None = None,
) -> GroupTimes:
    """Measure all networks on one batch (x [T, B, ...], y [B]), interleaved round by round.

    budget: seconds for each of the three series (inference, latency, training), after which it
    ends with at least 3 rounds. memory: also measure peak memory, in a fresh process for each
    contender, for which the builders must pickle. A contender that raises an error in a series is
    not in that series, and the error is in `failed`; the first one is raised if nothing is left.
    """
    execution = execution or Execution()
    watch = stopwatch or stopwatch_for(execution.device)
    until = Until(tight=0.0, budget=budget, most=rounds)
    least = min(LEAST_ROUNDS, rounds)
    result = GroupTimes()

    def series(name: str, contenders: Mapping[str, Attributed]) -> list[Measurement]:
        timings = interleave(
            contenders, rounds=least, warmup=warmup, min_time=SAMPLE_SECONDS, until=until,
            stopwatch=watch,
        )  # fmt: skip
        result.timings[name] = timings
        return [throughput(f"{name}_throughput", c, timings, x.shape[1]) for c in contenders]

    def training_step(build: Builder) -> TrainingStep:
        return TrainingStep(build(), x, y, execution, loss, make_optimizer)

    _together(
        "inference",
        builders,
        lambda build: Inference(build(), x, execution),
        lambda works: series("inference", works),
        result,
    )
    _together(
        "latency",
        builders,
        lambda build: Inference(build(), x[:, :1], execution),
        lambda works: latencies(works, watch, rounds, warmup, budget),
        result,
    )
    _together(
        "training",
        builders,
        training_step,
        lambda works: [*series("training", works), *phases(works, watch, rounds, budget)],
        result,
    )
    for name, build in builders.items() if memory else ():
        try:
            footprint = measure_footprint(
                build, x, y, execution=execution, loss=loss, make_optimizer=make_optimizer
            )
            result.measurements += memory_of(name, footprint)
        except Exception as error:  # noqa: BLE001 - one network must not lose the others' figures
            result.failed["memory", name] = error
    if not result.measurements:
        raise next(iter(result.failed.values()))
    return result


def _together(
    part: str,
    builders: Mapping[str, Builder],
    make: Callable[[Builder], Callable[[], object]],
    measure: Callable[[dict[str, Attributed]], list[Measurement]],
    result: GroupTimes,
) -> None:
    """Measure all contenders; one that fails is left out, and the others begin again."""
    left = dict(builders)
    while left:
        try:
            works = {
                name: Attributed(name, Attributed(name, functools.partial(make, build))())
                for name, build in left.items()
            }
            result.measurements += measure(works)
            return
        except ContenderFailed as failure:
            result.failed[part, failure.contender] = failure.cause
            del left[failure.contender]


def throughput(metric: str, contender: str, timings: Timings, batch: int) -> Measurement:
    """Samples per second from seconds per batch; the median of the rounds."""
    rates = tuple(batch / seconds for seconds in timings.seconds[contender])
    return of_rounds(contender, metric, rates, "samples/s")


def latencies(
    contenders: Mapping[str, Inference | Attributed],
    watch: Stopwatch,
    rounds: int,
    warmup: int,
    budget: float,
) -> list[Measurement]:
    """Percentiles of single calls at batch 1, in bursts of calls, contenders in turns."""
    for work in contenders.values():
        for _ in range(warmup):
            work()
    raw: dict[str, list[float]] = {name: [] for name in contenders}
    started = watch.now()
    for done in range(rounds):
        if done >= LEAST_ROUNDS and watch.now() - started >= budget:
            break
        for name in turn(list(contenders), done):
            watch.measure(contenders[name])  # the caches are its own again
            raw[name] += [1000 * watch.measure(contenders[name]) for _ in range(BURST)]
    return [
        latency(name, percentile, values)
        for name, values in raw.items()
        for percentile in PERCENTILES
    ]


def latency(contender: str, percentile: int, milliseconds: list[float]) -> Measurement:
    """One percentile of the single calls; its spread is that of its bootstrap."""
    values = np.asarray(milliseconds)

    def statistic(data: Array) -> Array:
        return np.percentile(data, percentile, axis=-1)

    spread = iqr_half_width(resampled(values, statistic))
    value = float(statistic(values))
    return Measurement(contender, f"latency_p{percentile}", value, "ms", len(values), spread)


def phases(
    steps: Mapping[str, TrainingStep | Attributed], watch: Stopwatch, rounds: int, budget: float
) -> list[Measurement]:
    """Forward (with the loss), backward and optimizer of a training step, each on its own [ms]."""
    names = ("forward", "backward", "update")
    raw: dict[str, dict[str, list[float]]] = {n: {p: [] for p in names} for n in steps}
    started = watch.now()
    for done in range(rounds):
        if done >= LEAST_ROUNDS and watch.now() - started >= budget:
            break
        for contender in turn(list(steps), done):
            for phase in names:
                work = getattr(steps[contender], phase)
                raw[contender][phase].append(1000 * watch.measure(work))
    metrics = dict(zip(names, ("forward_time", "backward_time", "optimizer_time"), strict=True))
    return [
        of_rounds(contender, metrics[phase], tuple(values), "ms")
        for contender, by_phase in raw.items()
        for phase, values in by_phase.items()
    ]


def memory_of(contender: str, *footprints: Footprint) -> list[Measurement]:
    """peak_memory is the device's where there is one, with the host's beside it.

    Each footprint comes from a process of its own; a time to the first result has a spread only
    where there are several.
    """
    host = tuple(value for each in footprints for value in each.host)
    device = tuple(value for each in footprints for value in each.device)
    found = [of_rounds(contender, "peak_memory", device or host, "MiB")]
    if device:
        found.append(of_rounds(contender, "peak_memory_host", host, "MiB"))
    if len(footprints) > 1:
        seconds = tuple(each.first_result for each in footprints)
        found.append(of_rounds(contender, "time_to_first_result", seconds, "s"))
    return found


def of_rounds(contender: str, metric: str, values: tuple[float, ...], unit: str) -> Measurement:
    """The median of repeated measurements, with half their interquartile range as spread."""
    return Measurement(
        contender, metric, float(np.median(values)), unit, len(values), iqr_half_width(values),
        values,
    )  # fmt: skip
