"""The throughput suite: sweeps in order of priority, point by point, until the budget ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import psutil

from liafbench.bench.execution import Execution
from liafbench.bench.timing.allocator import apply_policy
from liafbench.bench.timing.ceilings import Ceilings, measure_ceilings
from liafbench.bench.timing.energy import EnergyCounter
from liafbench.bench.timing.group import Measurement
from liafbench.bench.timing.point import Bench, PointResult, measure_point
from liafbench.bench.timing.rounds import Until
from liafbench.bench.timing.sweeps import BATCHES, SUITE, Entrant, Sweep, plan, point_id

GROWTH = 1.1  # throughput that grows by less from one batch size to the next is saturated
TIGHT = 0.03
POINT_SECONDS = {"cpu": 12.0, "cuda": 30.0}
"""For each series of one point; a processor's budget is better spent on more points."""
MIB = 2**20
Document = dict[str, Any]
Measure = Callable[[Sweep, int, tuple[Entrant, ...], Bench], PointResult]


class PointStore(Protocol):
    """Where points are kept, by id."""

    def read(self, run_id: str) -> Document | None: ...

    def write(self, document: Document) -> None: ...


@dataclass
class Summary:
    """How far a run came."""

    measured: int = 0
    there_already: int = 0
    complete: bool = True


class Throughput:
    """One run of the suite on one device."""

    def __init__(
        self,
        store: PointStore,
        device: str,
        provenance: Document,
        numerics_version: int,
        *,
        measure: Measure = measure_point,
        bench: Bench | None = None,
        clock: Callable[[], float] = time.monotonic,
        progress: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.store, self.device = store, device
        self.provenance, self.numerics_version = provenance, numerics_version
        self.measure, self.bench, self.clock, self.progress = measure, bench, clock, progress
        self.summary = Summary()

    def run(self, budget_minutes: float, sweeps: Iterable[Sweep] | None = None) -> Summary:
        """Measure the points that are not in the store; no point is begun after the budget."""
        self.provenance = {**self.provenance, "allocator": apply_policy()}
        deadline = self.clock() + 60 * budget_minutes
        for sweep in plan(self.device) if sweeps is None else sweeps:
            if not self._sweep(sweep, deadline):
                self.summary.complete = False
                break
        return self.summary

    def _sweep(self, sweep: Sweep, deadline: float) -> bool:
        """Go up the batch sizes with the entrants that still gain; False: the budget is spent."""
        points: list[Document] = []
        for batch in BATCHES[self.device]:
            entrants = still_gaining(sweep, batch, points)
            if not entrants:
                break
            config = {**sweep.config(batch), "numerics_version": self.numerics_version}
            document = self.store.read(point_id(config))
            if document is not None:
                self.summary.there_already += 1
            elif self.clock() >= deadline:
                return False
            else:
                self.progress(f"{sweep.label}, batch {batch}: {len(entrants)} entrants")
                document = self._point(sweep, batch, entrants, config)
                self.store.write(document)
                self.summary.measured += 1
            points.append(document)
        return True

    def _point(
        self, sweep: Sweep, batch: int, entrants: tuple[Entrant, ...], config: Document
    ) -> Document:
        self.bench = self.bench or make_bench(self.device)
        started, began = datetime.now(UTC), self.clock()
        result = self.measure(sweep, batch, entrants, self.bench)
        timings = result.timings.to_dict() if result.timings else None
        ceilings = self.bench.ceilings[sweep.execution.precision].to_dict()
        return {
            "run_id": point_id(config),
            "suite": SUITE,
            "kind": "time",
            "status": "done",
            "config": config,
            "provenance": {
                **self.provenance,
                "timing": timings,
                "ceilings": ceilings,
                "ended": result.ended,
            },
            "records": [_record(sweep, batch, each) for each in result.measurements],
            "log": [f"{name}: {reason}" for name, reason in result.ended.items()],
            "started": started.isoformat(timespec="seconds"),
            "seconds": self.clock() - began,
        }


def make_bench(device: str) -> Bench:
    """The ceilings of both precisions and the energy counter of a device."""
    ceilings: dict[str, Ceilings] = {
        options.precision: measure_ceilings(options)
        for options in (Execution(device), Execution(device, "bfloat16"))
    }
    until = Until(TIGHT, POINT_SECONDS[device])
    return Bench(until, ceilings, EnergyCounter.of_current_device())


def still_gaining(sweep: Sweep, batch: int, points: list[Document]) -> tuple[Entrant, ...]:
    """The entrants that the points so far do not rule out at this batch size."""
    return tuple(
        entrant for entrant in sweep.entrants if not _is_through(sweep, entrant, batch, points)
    )


def _is_through(sweep: Sweep, entrant: Entrant, batch: int, points: list[Document]) -> bool:
    if not points:
        return False
    rates = [_value(sweep, entrant, point, f"{sweep.mode}_throughput") for point in points]
    if rates[-1] is None:  # ended at an earlier point
        return True
    if len(rates) > 1 and rates[-2] is not None and rates[-1] < GROWTH * rates[-2]:
        return True
    # Memory grows in proportion to the batch at most: do not drive the host out of memory.
    needed = _value(sweep, entrant, points[-1], _host_memory(sweep))
    last = points[-1]["config"]["options"]["batch"]
    available = psutil.virtual_memory().available / MIB
    return needed is not None and needed * batch / last > available


def _host_memory(sweep: Sweep) -> str:
    return "peak_memory" if sweep.execution.device == "cpu" else "peak_memory_host"


def _value(sweep: Sweep, entrant: Entrant, point: Document, metric: str) -> float | None:
    batch = point["config"]["options"]["batch"]
    named = metric_name(metric, sweep.execution, batch)
    for record in point["records"]:
        place = (record["baseline"], record["engine"], record["metric"])
        if place == (entrant.baseline, entrant.contender.name, named):
            return float(record["value"])
    return None


def metric_name(metric: str, execution: Execution, batch: int) -> str:
    """For instance "training_throughput/bfloat16+channels-last/batch-64"."""
    way = execution.label.replace(", ", "+").replace(" ", "-")
    return f"{metric}/{way}/batch-{batch}"


def _record(sweep: Sweep, batch: int, measured: Measurement) -> Document:
    baseline, _, engine = measured.contender.partition("/")
    return {
        "task": sweep.task,
        "backbone": sweep.backbone,
        "baseline": baseline,
        "engine": engine,
        "budget": "equal-backbone",
        "seed": None,
        "metric": metric_name(measured.metric, sweep.execution, batch),
        "value": measured.value,
        "unit": measured.unit,
        "n": measured.n,
        "spread": measured.spread,
    }
