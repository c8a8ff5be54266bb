"""A group of networks on a fake clock: every figure is known beforehand."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from liafbench.bench.timing.group import BURST, time_group


class FakeStopwatch:
    """Time passes when a network of the test works, and then only."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def measure(self, work, calls: int = 1) -> float:
        start = self.time
        for _ in range(calls):
            work()
        return self.time - start


class Ticking(torch.autograd.Function):
    """The identity; its backward takes twice the time of its forward."""

    @staticmethod
    def forward(ctx, x, watch, seconds):
        ctx.watch, ctx.seconds = watch, seconds
        watch.time += seconds
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        ctx.watch.time += 2 * ctx.seconds
        return grad, None, None


class Net(nn.Module):
    """Takes `per_sample` seconds a sample; in evaluation half of that."""

    def __init__(self, watch: FakeStopwatch, per_sample: float) -> None:
        super().__init__()
        self.dense = nn.Linear(3, 4)
        self.watch, self.per_sample = watch, per_sample

    def forward(self, x):
        seconds = self.per_sample * x.shape[1] * (1 if self.training else 0.5)
        return Ticking.apply(self.dense(x).mean(0), self.watch, seconds)


@pytest.fixture
def watch() -> FakeStopwatch:
    return FakeStopwatch()


@pytest.fixture
def figures(watch):
    builders = {
        "fast": functools.partial(Net, watch, 0.01),
        "slow": functools.partial(Net, watch, 0.03),
    }
    x, y = torch.zeros(5, 8, 3), torch.zeros(8, dtype=torch.long)
    times = time_group(builders, x, y, rounds=4, memory=False, stopwatch=watch)
    return {(m.contender, m.metric): m for m in times}, times


def test_throughput_is_samples_over_seconds(figures):
    found, _ = figures
    assert found["fast", "inference_throughput"].value == pytest.approx(200)
    assert found["slow", "inference_throughput"].value == pytest.approx(1 / 0.015)
    assert found["fast", "training_throughput"].value == pytest.approx(1 / 0.03)
    assert found["fast", "training_throughput"].n == 4
    assert found["fast", "training_throughput"].unit == "samples/s"


def test_latency_is_of_single_samples(figures):
    found, _ = figures
    for percentile in (50, 95, 99):
        latency = found["slow", f"latency_p{percentile}"]
        assert latency.value == pytest.approx(15)
        assert (latency.unit, latency.n) == ("ms", 4 * BURST)


def test_the_parts_of_a_step_are_told_apart(figures):
    found, _ = figures
    assert found["fast", "forward_time"].value == pytest.approx(80)
    assert found["fast", "backward_time"].value == pytest.approx(160)
    assert found["fast", "optimizer_time"].value == pytest.approx(0)


def test_every_figure_has_its_spread_and_the_conditions_are_kept(figures):
    found, times = figures
    assert all(m.spread == pytest.approx(0, abs=1e-9) for m in found.values())
    assert set(times.conditions()) == {"inference", "training"}
    assert times.conditions()["training"]["allocator"]
    assert times.conditions()["training"]["threads"] == torch.get_num_threads()


def test_a_budget_ends_long_series_after_three_rounds(watch):
    builders = {"slow": functools.partial(Net, watch, 10.0)}
    x, y = torch.zeros(5, 8, 3), torch.zeros(8, dtype=torch.long)
    times = time_group(builders, x, y, rounds=50, memory=False, budget=100.0, stopwatch=watch)
    assert {t.rounds for t in times.timings.values()} == {3}


def test_a_measured_step_leaves_the_weights_alone(watch):
    nets = []

    def build():
        nets.append(Net(watch, 0.01))
        return nets[-1]

    torch.manual_seed(0)
    x, y = torch.rand(5, 8, 3), torch.zeros(8, dtype=torch.long)
    before = []

    def remembering():
        net = build()
        before.append(net.dense.weight.detach().clone())
        return net

    time_group({"net": remembering}, x, y, rounds=3, memory=False, stopwatch=watch)
    for net, weight in zip(nets, before, strict=True):
        assert torch.equal(net.dense.weight, weight)


class Fragile(Net):
    """Raises its error where `breaks` says so."""

    def __init__(self, watch: FakeStopwatch, breaks) -> None:
        super().__init__(watch, 0.01)
        self.breaks = breaks

    def forward(self, x):
        if self.breaks(self, x):
            raise ValueError("expected something else")
        return super().forward(x)


INFERENCE = {"inference_throughput"}
LATENCY = {"latency_p50", "latency_p95", "latency_p99"}
TRAINING = {"training_throughput", "forward_time", "backward_time", "optimizer_time"}
FAULTS = {
    "always": (lambda net, x: True, {"inference", "latency", "training"}, set()),
    "one-sample": (lambda net, x: x.shape[1] == 1, {"latency"}, INFERENCE | TRAINING),
    "training": (lambda net, x: net.training, {"training"}, INFERENCE | LATENCY),
    "later": (
        lambda net, x: net.training and net.watch.time > 3,
        {"training"},
        INFERENCE | LATENCY,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_contender_that_fails_takes_no_other_with_it(watch, fault):
    breaks, failed, kept = FAULTS[fault]
    builders = {
        "sound": functools.partial(Net, watch, 0.01),
        "fragile": functools.partial(Fragile, watch, breaks),
    }
    x, y = torch.zeros(5, 8, 3), torch.zeros(8, dtype=torch.long)
    times = time_group(builders, x, y, rounds=4, memory=False, stopwatch=watch)
    found = {name: [m for m in times if m.contender == name] for name in builders}
    assert {m.metric for m in found["sound"]} == INFERENCE | LATENCY | TRAINING
    assert len(found["sound"]) == 8
    assert {m.metric for m in found["fragile"]} == kept
    assert set(times.failed) == {(part, "fragile") for part in failed}
    assert {str(error) for error in times.failed.values()} == {"expected something else"}


def test_a_network_that_cannot_be_built_takes_no_other_with_it(watch):
    def unbuildable() -> nn.Module:
        raise RuntimeError("no such file")

    builders = {"broken": unbuildable, "sound": functools.partial(Net, watch, 0.01)}
    x, y = torch.zeros(5, 8, 3), torch.zeros(8, dtype=torch.long)
    times = time_group(builders, x, y, rounds=3, memory=False, stopwatch=watch)
    assert {m.contender for m in times} == {"sound"}
    assert set(times.failed) == {(p, "broken") for p in ("inference", "latency", "training")}
    with pytest.raises(RuntimeError, match="no such file"):
        time_group({"broken": unbuildable}, x, y, rounds=3, memory=False, stopwatch=watch)


def test_memory_that_cannot_be_measured_leaves_the_times(watch):
    def local() -> nn.Module:  # cannot be sent to another process
        return Net(watch, 0.01)

    x, y = torch.zeros(5, 8, 3), torch.zeros(8, dtype=torch.long)
    times = time_group({"local": local}, x, y, rounds=3, stopwatch=watch)
    assert {m.metric for m in times} == INFERENCE | LATENCY | TRAINING
    assert set(times.failed) == {("memory", "local")}
