"""The throughput suite with points that are made up: what is measured when, and what ends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liafbench.baselines import backbones
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.throughput import RunFiles
from liafbench.bench.execution import Execution
from liafbench.bench.only import Only
from liafbench.bench.results import load
from liafbench.bench.runs.store import Store
from liafbench.bench.tables.write import write_tables
from liafbench.bench.timing.ceilings import Ceilings
from liafbench.bench.timing.energy import EnergyCounter
from liafbench.bench.timing.group import Measurement
from liafbench.bench.timing.intervals import Interval
from liafbench.bench.timing.peers import Contender
from liafbench.bench.timing.point import Bench, PointResult
from liafbench.bench.timing.rounds import Until
from liafbench.bench.timing.suite import Throughput
from liafbench.bench.timing.sweeps import BATCHES, SHAPES, Entrant, Sweep, chosen, plan, point_id
from liafbench.bench.timing.table import throughput_table

NATIVE = Entrant("lif-snn", Contender.parse("native"))
PEER = Entrant("lif-snn", Contender.parse("spikingjelly+compile"))
SWEEP = Sweep("digits-dvs", "small", "inference", Execution(), (NATIVE, PEER))
CEILINGS = Ceilings(Interval(1e10, 9e9, 2e10, 10), Interval(1e11, 9e10, 2e11, 10))
BENCH = Bench(Until(), {"float32": CEILINGS, "bfloat16": CEILINGS})


class MemoryStore:
    def __init__(self) -> None:
        self.documents: dict[str, dict] = {}

    def read(self, run_id):
        return self.documents.get(run_id)

    def write(self, document):
        self.documents[document["run_id"]] = document


class FakeMachine:
    """Throughput by entrant and batch; none: out of memory. A point takes a minute."""

    def __init__(self, rates) -> None:
        self.rates, self.now, self.points = rates, 0.0, []

    def clock(self) -> float:
        return self.now

    def measure(self, sweep, batch, entrants, bench) -> PointResult:
        self.now += 60
        self.points.append((batch, [entrant.name for entrant in entrants]))
        result = PointResult()
        for entrant in entrants:
            rate = self.rates[entrant.name].get(batch)
            if rate is None:
                result.ended[entrant.name] = "out of memory: killed"
            else:
                result.measurements.append(
                    Measurement(entrant.name, "inference_throughput", rate, "samples/s", 5, 1.0)
                )
        return result


def suite(machine, store) -> Throughput:
    return Throughput(
        store,
        "cpu",
        {"commit": "c", "machine": "m"},
        1,
        measure=machine.measure,
        bench=BENCH,
        clock=machine.clock,
    )


@pytest.fixture
def machine() -> FakeMachine:
    growing = {batch: 100.0 * batch for batch in BATCHES["cpu"]}
    return FakeMachine({NATIVE.name: growing, PEER.name: growing})


def test_a_sweep_ends_where_nobody_gains_any_more(machine):
    machine.rates[NATIVE.name] = {1: 100, 4: 400, 16: 420, 64: 421}
    machine.rates[PEER.name] = {1: 100, 4: 400, 16: 800, 64: 810, 256: 811}
    suite(machine, MemoryStore()).run(1000, [SWEEP])
    both = [NATIVE.name, PEER.name]
    assert machine.points == [(1, both), (4, both), (16, both), (64, [PEER.name])]


def test_out_of_memory_ends_one_entrant_and_is_recorded(machine):
    machine.rates[PEER.name] = {1: 100, 4: 400}
    store = MemoryStore()
    summary = suite(machine, store).run(1000, [SWEEP])
    assert summary.complete
    assert machine.points[2] == (16, [NATIVE.name, PEER.name])
    assert all(names == [NATIVE.name] for _, names in machine.points[3:])
    (ended,) = [doc for doc in store.documents.values() if doc["provenance"]["ended"]]
    assert ended["config"]["options"]["batch"] == 16
    assert ended["log"] == [f"{PEER.name}: out of memory: killed"]


def test_the_budget_ends_a_run_and_the_next_goes_on(machine):
    store = MemoryStore()
    first = suite(machine, store).run(2.5, [SWEEP])
    assert (first.measured, first.complete) == (3, False)
    second = suite(machine, store).run(1000, [SWEEP])
    assert (second.measured, second.there_already) == (len(BATCHES["cpu"]) - 3, 3)
    assert [batch for batch, _ in machine.points] == list(BATCHES["cpu"])
    third = suite(machine, store).run(1000, [SWEEP])
    assert (third.measured, third.complete) == (0, True)


def test_resuming_remembers_who_was_through(machine):
    machine.rates[NATIVE.name] = {1: 100, 4: 101}
    store = MemoryStore()
    suite(machine, store).run(1.5, [SWEEP])
    suite(machine, store).run(1000, [SWEEP])
    assert machine.points[2:] == [(b, [PEER.name]) for b in BATCHES["cpu"][2:]]


def test_a_batch_that_the_host_cannot_hold_is_not_tried(machine, monkeypatch):
    available = 100 * 2**20
    monkeypatch.setattr(
        "liafbench.bench.timing.suite.psutil.virtual_memory",
        lambda: type("Memory", (), {"available": available}),
    )
    measure = machine.measure

    def with_memory(sweep, batch, entrants, bench):
        result = measure(sweep, batch, entrants, bench)
        for entrant in entrants:
            size = batch * (5.0 if entrant is NATIVE else 1.0)
            result.measurements.append(
                Measurement(entrant.name, "peak_memory", size, "MiB", 3, 0.1)
            )
        return result

    machine.measure = with_memory
    suite(machine, MemoryStore()).run(1000, [SWEEP])
    assert machine.points[-1] == (64, [PEER.name])
    assert machine.points[-2] == (16, [NATIVE.name, PEER.name])


def test_float32_and_bfloat16_of_native_and_spikingjelly_come_first():
    for device, shapes in SHAPES.items():
        first = list(plan(device))[: 4 * len(shapes)]
        assert {sweep.execution.precision for sweep in first} == {"float32", "bfloat16"}
        assert {(sweep.task, sweep.backbone) for sweep in first} == set(shapes)
        engines = {entrant.contender.name for sweep in first for entrant in sweep.entrants}
        assert engines == {"native", "spikingjelly"}
        assert {sweep.execution.device for sweep in plan(device)} == {device}


def test_every_point_of_the_plan_has_an_id_of_its_own():
    ids = [point_id(sweep.config(batch)) for sweep in plan("cuda") for batch in BATCHES["cuda"]]
    assert len(set(ids)) == len(ids)


def test_the_table_names_what_it_was_measured_under(machine):
    machine.rates[PEER.name] = {1: 100}
    store = MemoryStore()
    suite(machine, store).run(1000, [SWEEP])
    table = throughput_table(store.documents.values())
    assert "allocator" in table.caption
    assert table.units["throughput"] == "samples/s"


def test_points_of_one_folder_are_rows_of_their_own(machine, tmp_path):
    """Batch sizes, modes and precisions do not take each other's place when tables are made."""
    bfloat16 = replace(SWEEP, execution=Execution("cpu", "bfloat16"))
    folder = Store(tmp_path / "throughput" / "m")
    folder.prepare()
    suite(machine, RunFiles(folder)).run(1000, [SWEEP, bfloat16])
    settled = load(tmp_path)
    assert set(settled.runs["status"]) == {"current"}
    assert len(settled.records) == 2 * 2 * len(BATCHES["cpu"])
    written = write_tables(tmp_path)
    tables = [path.name for path in written if path.parent.parent == folder.folder]
    assert tables == ["throughput.csv", "throughput.md", "throughput.tex"]


def test_only_chooses_sweeps_and_entrants():
    engines = ("native", "snntorch")
    only = {"task": ("nmnist",), "engine": engines, "mode": ("training",)}
    found = list(chosen(plan("cpu"), Only(only)))
    assert {(sweep.task, sweep.mode) for sweep in found} == {("nmnist", "training")}
    assert {e.contender.name for sweep in found for e in sweep.entrants} == set(engines)
    assert {sweep.backbone for sweep in found} == {"small", "plif"}
    with pytest.raises(UsageError, match="did you mean 'backbone'"):
        list(chosen(plan("cpu"), Only({"backbon": ("small",)})))
    with pytest.raises(UsageError, match="did you mean 'nmnist'"):
        list(chosen(plan("cpu"), Only({"task": ("mnist", "nmnits")})))
    with pytest.raises(UsageError, match=r"--only task=nmnist --only backbone=tokens: .*no such"):
        list(chosen(plan("cpu"), Only({"task": ("nmnist",), "backbone": ("tokens",)})))


def test_every_baseline_task_and_engine_is_somewhere_in_the_plan():
    swept = {
        (s.task, s.backbone, e.baseline, e.contender.engine)
        for s in plan("cpu")
        for e in s.entrants
    }
    rest = [s for s in swept if (s[0], s[1]) not in SHAPES["cpu"]]
    shapes = {(task, name) for task in backbones.tasks() for name in backbones.names(task)}
    assert {(task, name) for task, name, *_ in swept} == shapes
    assert {engine for *_, engine in rest} == set(ENGINES)


class FakeGpu:
    """NVML's counter in mJ; every call of the work draws 3 J and takes half a second."""

    def __init__(self) -> None:
        self.millijoules, self.now, self.queued = 5_000, 0.0, 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle) -> int:
        return self.millijoules

    def work(self) -> None:
        self.queued += 1

    def synchronize(self) -> None:
        self.now += 0.5 * self.queued
        self.millijoules += 3_000 * self.queued
        self.queued = 0


def test_energy_per_call_is_the_counter_over_whole_calls():
    gpu = FakeGpu()
    counter = EnergyCounter(gpu, None, gpu.synchronize)
    assert counter.per_call(gpu.work, clock=lambda: gpu.now) == pytest.approx((3, 3, 3))


def test_without_a_gpu_there_is_no_energy_counter(monkeypatch):
    monkeypatch.setattr("liafbench.bench.timing.energy.torch.cuda.is_available", lambda: False)
    assert EnergyCounter.of_current_device() is None
