"""The neurons benchmark: its parts do what its tables say they do. Nothing here looks at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import LIF, Neuron
from liafbench.bench.execution import Execution
from liafbench.bench.timing import allocator
from liafbench.bench.timing.rounds import Until
from studies.neurons import Plan, layers, limit, network, run
from studies.neurons.acceptance import layer_verdicts, memory_verdicts, network_verdicts
from studies.neurons.footprint import Extra
from studies.neurons.layers import LIMIT, NATIVE, Cell, Row
from studies.neurons.network import FLOOR, STEPWISE, Step
from studies.neurons.report import layer_matrix, markdown
from studies.neurons.stepwise import StepwiseSpikingJelly


@pytest.mark.parametrize("compiled", [True, False])
def test_the_memory_limit_touches_every_element(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object) -> None:
        raise limit.cpu_build.Unavailable("no compiler")

    if not compiled:
        monkeypatch.setattr(limit.cpu_build, "load", unavailable)
    x, grad_y = torch.randn(8, 1024), torch.randn(8, 1024)
    streamed = limit.MemoryLimit(x, grad_y)
    streamed.forward()
    assert torch.equal(streamed.result, x)
    streamed.training()
    assert torch.equal(streamed.result, x + grad_y)


@pytest.mark.parametrize("kind", layers.KINDS)
def test_contenders_compute_the_same(kind: str) -> None:
    x = 2 * torch.randn(8, 4, 5)
    found = {name: layer(x) for name, layer in layers.contenders(kind, 8, False).items()}
    assert {NATIVE, "reference", "spikingjelly"} <= set(found)
    for y in found.values():
        torch.testing.assert_close(y, found[NATIVE], rtol=1e-6, atol=1e-6)


def test_training_work_reaches_x_and_parameters() -> None:
    layer = LIF(learnable=("v_threshold",))
    x = torch.randn(3, 2, 5)
    work = layers.Work(layer, x, torch.ones_like(x), train=True)
    assert [tuple(t.shape) for t in work.wanted] == [(3, 2, 5), ()]
    work()
    assert x.grad is None
    assert layer.v_threshold.grad is None


class Asked(nn.Module):
    """Remembers whether gradients were on at its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bool] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.answers.append(torch.is_grad_enabled())
        return 2 * x


def test_gradients_are_on_in_training_alone() -> None:
    asked = Asked()
    found = list(layers.measure(Cell("lif", 2, 4096), {NATIVE: asked}, rounds=3, warmup=1))
    assert {row.work for row in found} == {"forward", "training"}
    half = len(asked.answers) // 2
    assert asked.answers == [False] * half + [True] * half
    assert torch.is_grad_enabled()


def test_the_floor_is_the_same_network_with_relu() -> None:
    native, floor = network.network(NATIVE, "small"), network.network(FLOOR, "small")
    assert any(isinstance(m, Neuron) for m in native.modules())
    assert not any(isinstance(m, Neuron) for m in floor.modules())
    neurons = sum(isinstance(m, Neuron) for m in native.modules())
    assert sum(isinstance(m, nn.ReLU) for m in floor.modules()) == neurons
    for mine, theirs in zip(native.parameters(), floor.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("backbone", network.BACKBONES)
def test_the_library_step_by_step_is_the_same_network(backbone: str) -> None:
    x, _ = network.batch()
    x = x[:3, :2]
    with torch.no_grad():
        stepwise = network.network(STEPWISE, backbone).eval()
        found = stepwise(x)
        torch.testing.assert_close(found, network.network(NATIVE, backbone).eval()(x))
        # Nothing is left of the call before.
        assert torch.equal(stepwise(x), found)
    own = {type(module).__module__.split(".")[0] for module in stepwise.layers}
    assert own == {"spikingjelly"}


def test_the_library_step_by_step_trains_step_after_step() -> None:
    """With one time step BatchNorm sees what it sees in the other network: equal gradients."""
    x, y = network.batch()
    gradients = []
    for contender in (STEPWISE, "spikingjelly"):
        net = network.network(contender, "small").train()
        for _ in range(2):  # a second step does not reach back into the first
            net.zero_grad()
            nn.functional.cross_entropy(net(x[:1]), y).backward()
        gradients.append([parameter.grad for parameter in net.parameters()])
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_every_row_of_a_network_names_its_own_options() -> None:
    options = Execution(precision="bfloat16", channels_last=True)
    rows = {step.contender: step for step in network.measure("small", options, 1, rounds=1)}
    assert set(rows) == set(network.CONTENDERS)
    assert rows[STEPWISE].options == "float32"
    assert all(
        step.options == options.label for step in rows.values() if step.contender != STEPWISE
    )
    assert {step.native for step in rows.values()} == {options.label}


def test_a_network_that_the_library_has_no_layers_for_is_refused() -> None:
    with pytest.raises(UsageError, match="LIF"):
        StepwiseSpikingJelly(network.network(NATIVE, "small"))
    with pytest.raises(UsageError, match="mean over time"):
        StepwiseSpikingJelly(nn.Sequential(nn.Flatten()))


def row(work: str, contender: str, to_limit: float, times_native: float, **other: object) -> Row:
    plain = Row("lif", 8, 2**23, work, contender, 1.0, 0.1, 5, to_limit, 0.9, 1.1, times_native)
    return replace(plain, **other)  # type: ignore[arg-type]


def test_bounds_look_at_the_worst_cell() -> None:
    rows = [
        row("training", NATIVE, 2.0, 1.0),
        row("training", NATIVE, 2.5, 1.0, time_steps=60),
        row("training", "spikingjelly", 20.0, 9.0),
        row("training", "snntorch", 18.0, 7.0),
        row("training", "spikingjelly", 20.0, 5.0, time_steps=60),
        row("training", layers.COMPILED, 3.0, 1.2),
    ]
    found = {verdict.what: verdict for verdict in layer_verdicts(rows)}
    training = found["native training, x the memory limit"]
    assert (training.reached, training.holds) == (2.5, False)
    assert "T=60" in training.where
    best = found["lif training, x faster than the best eager library"]
    assert (best.reached, best.holds) == (5.0, False)
    assert found["x faster than spikingjelly under torch.compile"].holds
    # What was not measured has no verdict.
    assert not any("forward" in what or "klif" in what for what in found)


def test_bounds_of_memory_and_network() -> None:
    extras = [Extra("lif", NATIVE, 8, 100, 2.05), Extra("lif", "spikingjelly", 8, 100, 9.0)]
    (memory,) = memory_verdicts(extras)
    assert (memory.reached, memory.holds) == (2.05, True)
    step = Step("small", "float32", 1, "spikingjelly", "float32", 1.0, 0.1, 5, 1.7, 1.6, 1.8)
    steps = [step, replace(step, threads=2), replace(step, contender=FLOOR, times_native=0.8)]
    found = {verdict.what: verdict for verdict in network_verdicts(steps)}
    assert found["small network, float32, 1 thread(s): x faster than spikingjelly"].holds
    assert not found["small network, float32, 2 thread(s): x faster than spikingjelly"].holds
    assert found["small network, float32: x the ReLU floor"].reached == 1.25
    # Step by step it is another rival with a verdict of its own.
    assert not any(STEPWISE in what for what in found)
    steps.append(replace(step, contender=STEPWISE, native="bfloat16, channels last"))
    found = {verdict.what: verdict for verdict in network_verdicts(steps)}
    what = f"small network, bfloat16, channels last: x faster than {STEPWISE} in float32"
    assert (found[what].reached, found[what].holds) == (1.7, False)


def test_layer_matrix_has_a_line_a_cell() -> None:
    rows = [
        row("forward", LIMIT, 1.0, 0.8),
        row("forward", NATIVE, 1.25, 1.0),
        row("forward", NATIVE, 1.5, 1.0, neuron="klif"),
        row("forward", LIMIT, 1.0, 0.8, neuron="klif"),
    ]
    wide = layer_matrix(pd.DataFrame([r.to_dict() for r in rows]))
    assert list(wide["neuron"]) == ["klif", "lif"]
    assert list(wide[NATIVE]) == [1.5, 1.25]
    assert markdown(wide).count("\n") == 3


def test_a_small_run_writes_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MEGA", 2**14)
    monkeypatch.setattr("studies.neurons.suite.MEGA", 2**14)
    # A policy of malloc cannot be taken back, and the other tests share this process.
    monkeypatch.setattr(allocator, "apply_policy", lambda name: name)
    plan = Plan(
        sizes=(1,),
        time_steps=(8,),
        kinds=("klif",),
        compiled=False,
        rounds=2,
        network_rounds=1,
        until=None,
        backbones=(),
        threads=(1,),
    )
    heard: list[str] = []
    found = run(tmp_path, plan, heard.append)
    assert heard
    (folder,) = (tmp_path / "neurons").iterdir()
    written = {path.name for path in folder.iterdir()}
    assert written == {
        "README.md",
        "acceptance.csv",
        "layers.csv",
        "memory.csv",
        "provenance.json",
    }
    table = pd.read_csv(folder / "layers.csv")
    assert set(table["contender"]) == {LIMIT, NATIVE, "reference", "spikingjelly"}
    assert set(table["work"]) == {"forward", "training"}
    assert len(table) == len(found.layers) == 8
    assert table.loc[table["contender"] == LIMIT, "to_limit"].eq(1).all()
    cell = Cell("klif", 8, 2**14)
    assert cell.tensors()[0].numel() <= 2**14
    assert "Bounds" in (folder / "README.md").read_text()


def test_a_series_goes_on_past_its_least_rounds() -> None:
    contenders = {NATIVE: layers.contenders("lif", 8, False)[NATIVE]}
    until = Until(tight=0.0, budget=60.0, most=4)
    rows = list(layers.measure(Cell("lif", 8, 2**14), contenders, rounds=2, until=until))
    assert {row.rounds for row in rows} == {4}
