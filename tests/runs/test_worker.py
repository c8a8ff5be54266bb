"""What a run file says of the process it was made in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from liafbench.baselines.neurons.kernels import KernelFallback, cpu_build, cpu_call
from liafbench.bench.runfiles import Run
from liafbench.bench.runs import worker
from liafbench.bench.runs.plan import Options, plan
from liafbench.bench.runs.queue import Job
from liafbench.bench.suites import Group, Measure, Recipe, Suite


def made(out: Path, seed: int) -> Run:
    """A spiking network trained for one epoch in this process."""
    group = Group(
        tasks=("digits-dvs",),
        backbone="small",
        baselines=("lif-snn",),
        data={"limit": 200},
        recipe=Recipe(epochs=1, batch_size=64),
    )
    suite = Suite(name="toy", seeds=(seed,), group=(group,), measure=Measure(timing=False))
    planned = plan(suite, Options(out=out))
    planned.store.prepare()
    (cell,) = planned.training
    job = Job(cell, planned.store, None, "cpu", learning_rate=cell.recipe.learning_rate)
    return worker.work(job, lambda *_: None)


def test_a_run_names_the_kernels_that_stood_in_during_it_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        cpu_build.compiler()
    except cpu_build.Unavailable as reason:
        pytest.skip(f"{reason}: the portable kernel is the only one here")
    # Neither can be taken back for the tests that follow.
    monkeypatch.setattr(worker, "apply_policy", lambda: "as it is")
    monkeypatch.setattr(worker.torch, "set_num_threads", lambda _threads: None)
    # What does not compile any more: the backward pass alone.
    backward = cpu_call.backward_library

    def lost(*_: Any) -> None:
        raise cpu_build.Unavailable("too slow a compiler")

    monkeypatch.setattr(cpu_call, "backward_library", lost)
    with pytest.warns(KernelFallback, match="too slow a compiler"):
        hindered = made(tmp_path, seed=0)
    monkeypatch.setattr(cpu_call, "backward_library", backward)
    free = made(tmp_path, seed=1)
    said = ["kernel cpu stands aside in a backward pass: too slow a compiler"]
    assert hindered.provenance.plain()["kernel_fallbacks"] == said
    assert free.provenance.plain()["kernel_fallbacks"] == []
    assert hindered.provenance.plain()["kernel"].startswith("cpu-")
