"""Estimates of a dry run: from runs of this machine, else from counts and shapes, else unknown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.fabricated import time_run, write_runs

from liafbench.baselines import build
from liafbench.bench import suites
from liafbench.bench.costs.cost import cost
from liafbench.bench.runs.cells import Cell, timing_cells, training_cells
from liafbench.bench.runs.estimate import Estimates
from liafbench.bench.runs.resources import _kept, _kept_bytes
from liafbench.bench.runs.store import Store
from liafbench.bench.tasks import TASKS, load

MACHINE = "test-cpu"


def cell(baseline: str = "liaf-net", task: str = "digits-dvs", **fields: Any) -> Cell:
    """A cell of the quick suite's first group."""
    first = next(training_cells(suites.load("quick")))
    return replace(first, baselines=(baseline,), task=task, backbone="small", **fields)


def run(of: Cell, seconds: float) -> dict[str, Any]:
    """A finished run of a cell that took so long."""
    return {
        "schema": 2, "run_id": of.run_id, "suite": of.suite, "kind": of.kind,
        "status": "done", "config": of.config(), "seconds": seconds,
    }  # fmt: skip


def estimates(root: Path, *runs: dict[str, Any]) -> Estimates:
    write_runs(root, list(runs), machine=MACHINE)
    return Estimates.of_machine(Store(root / "any" / MACHINE))


def test_runs_of_the_same_training_tell_seconds_an_epoch(tmp_path: Path) -> None:
    done = [run(cell(seed=seed), seconds) for seed, seconds in ((0, 20.0), (1, 40.0), (2, 50.0))]
    asked = cell(seed=7)
    twice = replace(
        asked, recipe=asked.recipe.model_copy(update={"epochs": 2 * asked.recipe.epochs})
    )
    found = estimates(tmp_path, *done)
    assert found.of(asked).seconds.value == pytest.approx(40.0)
    assert found.of(twice).seconds.value == pytest.approx(80.0)
    assert found.of(twice).seconds.source == "3 runs"


def test_another_width_is_scaled_by_its_macs(tmp_path: Path) -> None:
    found = estimates(tmp_path, run(cell("lstm", seed=0), 10.0))
    asked = cell("lstm", seed=0, budget="equal-budget", budget_reference="liaf-net")
    narrow = cost("lstm", "digits-dvs", "small", budget="liaf-net")[1].mac_dense
    ratio = narrow / cost("lstm", "digits-dvs", "small")[1].mac_dense
    assert ratio < 0.5
    assert found.of(asked).seconds.value == pytest.approx(10.0 * ratio)
    assert found.of(asked).seconds.source == "MACs, from 1 run on this task"


def test_another_task_is_scaled_by_samples_and_macs(tmp_path: Path) -> None:
    found = estimates(tmp_path, run(cell(seed=0), 10.0)).of(cell(task="nmnist", seed=0)).seconds
    macs = [cost("liaf-net", task, "small")[1].mac_dense for task in ("nmnist", "digits-dvs")]
    assert found.value == pytest.approx(10.0 * 54_004 / 1302 * macs[0] / macs[1])
    assert found.source == "MACs, from 1 run on digits-dvs"


def test_what_nothing_tells_is_unknown(tmp_path: Path) -> None:
    found = estimates(tmp_path, run(cell(seed=0), 10.0))
    for asked in (
        cell("gru", seed=0),
        cell(task="nmnist", seed=0, data={"allow_partial": True}),
        timing_cells([cell(seed=0)])[0],
    ):
        assert found.of(asked).seconds.value is None
        assert found.of(asked).seconds.source
    other = Estimates.of_machine(Store(tmp_path / "any" / "another-machine"))
    assert other.of(cell(seed=0)).seconds.value is None


def test_measured_memory_counts_at_its_batch_only(tmp_path: Path) -> None:
    timed = time_run({"liaf-net": 100.0, "klif": 50.0})
    timed["config"] |= {"measure": {"timing_batch": 32, "timing_rounds": 8},
                        "budget_reference": None}  # fmt: skip
    found = estimates(tmp_path, timed)
    measured = found.of(cell(seed=0)).memory
    assert (measured.value, measured.at_least) == (100.0, False)
    asked = cell(seed=0)
    larger = replace(asked, recipe=asked.recipe.model_copy(update={"batch_size": 64}))
    shaped = found.of(larger).memory
    assert (shaped.source, shaped.at_least) == ("shape", True)


@pytest.mark.parametrize(
    ("baseline", "task"), [("lif-snn", "digits-dvs"), ("conv-lstm", "digits-dvs"),
                           ("lstm", "babi-sim"), ("lif-snn-recurrent", "babi-sim")],
)  # fmt: skip
def test_shapes_tell_what_a_real_forward_pass_keeps(baseline: str, task: str) -> None:
    with torch.device("meta"):
        net = build(baseline, task).train()
    steps = net.backbone.time_steps
    assert _kept_bytes(net, 5) == _kept(net, 5, steps)
    if task == "babi-sim":
        return
    real = build(baseline, task).train()
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        real(torch.rand(steps, 5, *real.backbone.sample_shape))
    for own in (*real.parameters(), *real.buffers()):
        kept.pop(own.untyped_storage().data_ptr(), None)
    size = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    assert _kept_bytes(net, 5) == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize("task", ["digits-dvs", "babi-sim"])
def test_declared_sizes_are_those_of_the_data(task: str) -> None:
    assert len(load(task).train) == TASKS[task].train_samples


@pytest.mark.parametrize("task", ["mnist", "fashion-mnist", "babi", "babi-qa1", "babi-qa19"])
def test_declared_sizes_are_those_of_real_data(task: str, data_dir: Path) -> None:
    assert len(load(task, data_dir).train) == TASKS[task].train_samples
