"""The timer's statistics on a machine whose clock only moves when somebody works."""

from __future__ import annotations

import math
import random

import pytest

from liafbench.bench.timing.intervals import bootstrap, median_interval, paired_ratio
from liafbench.bench.timing.rounds import Until, interleave, turn
from liafbench.bench.timing.stopwatch import CudaStopwatch


class Machine:
    """A host clock and a device queue; work moves the one or fills the other."""

    def __init__(self) -> None:
        self.now = 0.0
        self.device_free_at = 0.0
        self.speed = 1.0

    def clock(self) -> float:
        return self.now

    def synchronize(self) -> None:
        self.now = max(self.now, self.device_free_at)

    def works(self, seconds: float):
        def work() -> None:
            self.now += seconds * self.speed

        return work

    def queues(self, seconds: float, launch: float = 1e-5):
        def work() -> None:
            self.now += launch
            self.device_free_at = max(self.now, self.device_free_at) + seconds

        return work

    def time(self, contenders, **settings):
        return interleave(contenders, clock=self.clock, synchronize=self.synchronize, **settings)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_known_ratio_is_exact(machine):
    timings = machine.time({"a": machine.works(0.02), "b": machine.works(0.05)}, rounds=7)
    assert timings.rounds == 7
    assert timings.median("a") == pytest.approx(0.02)
    ratio = timings.ratio("b", "a")
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((2.5, 2.5, 2.5))
    assert timings.spread("b") == pytest.approx(0.0, abs=1e-12)
    assert "quiet" in timings.verdict()


def test_a_drift_of_the_machine_leaves_the_ratio_alone(machine):
    """The machine becomes 2.7 times slower on the way: the medians move, the ratio does not."""

    def drifting(seconds):
        work = machine.works(seconds)

        def step() -> None:
            machine.speed *= 1.005
            work()

        return step

    timings = machine.time({"a": drifting(0.02), "b": drifting(0.05)}, rounds=100)
    assert timings.seconds["a"][-1] > 2.5 * timings.seconds["a"][0]
    assert timings.ratio("b", "a").value == pytest.approx(2.5, rel=0.01)
    assert timings.ratio("b", "a").half_width < 0.01
    assert "noisy" in timings.verdict()


def test_spikes_in_a_third_of_the_rounds_do_not_move_the_ratio(machine):
    draw = random.Random(0)

    def spiky(seconds):
        def work() -> None:
            machine.now += seconds * (20 if draw.random() < 0.15 else 1)

        return work

    timings = machine.time({"a": spiky(0.02), "b": spiky(0.05)}, rounds=60)
    assert max(timings.seconds["a"]) == pytest.approx(0.4)
    assert timings.ratio("b", "a").value == pytest.approx(2.5)


def test_queued_work_is_billed_to_the_contender_that_queued_it(machine):
    """Without a synchronisation the asynchronous one looks 2,000 times faster than it is."""
    contenders = {"asynchronous": machine.queues(0.02), "plain": machine.works(0.01)}
    timings = machine.time(contenders, rounds=8)
    assert timings.median("asynchronous") == pytest.approx(0.02, rel=1e-3)
    assert timings.median("plain") == pytest.approx(0.01)

    unsynchronised = interleave(contenders, rounds=8, clock=machine.clock)
    assert unsynchronised.median("asynchronous") < 1e-4


def test_short_contenders_are_called_until_a_sample_is_long_enough(machine):
    contenders = {"short": machine.works(0.001), "long": machine.works(0.5)}
    timings = machine.time(contenders, rounds=3, min_time=0.01)
    assert timings.calls == {"short": 10, "long": 1}
    assert timings.median("short") == pytest.approx(0.001)


def test_rounds_end_when_the_ratio_is_tight(machine):
    draw = random.Random(1)

    def noisy(seconds):
        def work() -> None:
            machine.now += seconds * draw.uniform(0.8, 1.25)

        return work

    contenders = {"a": noisy(0.02), "b": noisy(0.05)}
    loose = machine.time(contenders, rounds=5, until=Until(tight=0.15, budget=1e6))
    tight = machine.time(contenders, rounds=5, until=Until(tight=0.02, budget=1e6))
    assert loose.ratio("b", "a").half_width <= 0.15
    assert tight.ratio("b", "a").half_width <= 0.02
    assert loose.rounds < tight.rounds


def test_rounds_end_when_the_budget_is_spent(machine):
    draw = random.Random(2)

    def wild() -> None:
        machine.now += draw.uniform(0.01, 1.0)

    timings = machine.time({"a": wild, "b": wild}, rounds=3, until=Until(tight=1e-3, budget=20))
    assert 20 <= machine.now < 23
    assert timings.ratio("b", "a").half_width > 1e-3


def test_every_contender_runs_once_a_round_and_positions_even_out():
    names = ["a", "b", "c"]
    orders = [turn(names, number) for number in range(6)]
    assert all(sorted(order) == names for order in orders)
    positions = {name: sum(order.index(name) for order in orders) for name in names}
    assert set(positions.values()) == {6}


def test_the_interval_covers_the_true_ratio_as_often_as_it_says():
    """Noise of 20 %, a third of it carried over to the next round: 95 of 100 intervals hold."""
    draw = random.Random(3)

    def series(median: float) -> list[float]:
        shared, values = 0.0, []
        for _ in range(25):
            shared = 0.3 * shared + draw.gauss(0, 0.2)
            values.append(median * math.exp(shared))
        return values

    held = 0
    for _ in range(100):
        interval = paired_ratio(series(2.0), series(1.0))
        held += interval.low <= 2 <= interval.high
    assert held >= 95


def test_neighbouring_rounds_that_are_alike_widen_the_interval():
    """A slow wave over the rounds: blocks see it, single draws would not."""
    draw = random.Random(4)
    wave = [1.0 + (0.3 if (i // 16) % 2 else 0.0) + draw.uniform(0, 0.02) for i in range(64)]
    shuffled = wave[:]
    draw.shuffle(shuffled)
    assert median_interval(wave).half_width > median_interval(shuffled).half_width


def test_one_value_has_an_interval_of_no_width():
    interval = bootstrap([3.0], lambda draws: draws.mean(axis=-1))
    assert (interval.low, interval.value, interval.high, interval.n) == (3.0, 3.0, 3.0, 1)


class FakeEvent:
    """Stands for torch.cuda.Event: takes the time at which the device comes to it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def record(self) -> None:
        self.at = max(self.machine.now, self.machine.device_free_at)

    def elapsed_time(self, end: FakeEvent) -> float:
        assert self.machine.now >= end.at, "read before the device came to the end event"
        return (end.at - self.at) * 1000


class FakeCuda:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def Event(self, enable_timing: bool) -> FakeEvent:
        assert enable_timing
        return FakeEvent(self.machine)

    def synchronize(self) -> None:
        self.machine.synchronize()


def test_cuda_events_time_the_device_and_not_the_launches(machine):
    watch = CudaStopwatch(FakeCuda(machine), machine.clock)
    contenders = {"short": machine.queues(0.01), "long": machine.queues(0.04)}
    timings = interleave(contenders, rounds=5, stopwatch=watch)
    assert timings.median("short") == pytest.approx(0.01, rel=2e-3)
    assert timings.ratio("long", "short").value == pytest.approx(4, rel=2e-3)
