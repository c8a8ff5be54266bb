"""The `neurons` benchmark: layers, memory and a network step, written with their provenance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from liafbench.bench.execution import Execution
from liafbench.bench.runs.provenance import machine, provenance, usable_cores
from liafbench.bench.timing import allocator
from liafbench.bench.timing.rounds import Until
from studies.neurons import footprint, layers, network, report
from studies.neurons.acceptance import (
    Verdict,
    layer_verdicts,
    memory_verdicts,
    network_verdicts,
)
from studies.neurons.footprint import Extra
from studies.neurons.layers import MEGA, Cell, Row
from studies.neurons.limit import MemoryLimit
from studies.neurons.network import STEPWISE, Step

Progress = Callable[[str], object]
UNTIL = Until(tight=0.02, budget=15.0)
"""After the least number of rounds a series goes on until its ratios to the first contender are
known to 2 % or 15 s have gone by."""
NETWORK_OPTIONS = (Execution(), Execution(precision="bfloat16", channels_last=True))


@dataclass(frozen=True)
class Plan:
    """How much is measured. Sizes in millions (2^20) of elements."""

    sizes: tuple[int, ...] = (8, 64)
    time_steps: tuple[int, ...] = layers.TIME_STEPS
    kinds: tuple[str, ...] = layers.KINDS
    compiled: bool = True
    rounds: int = 7  # the least, as the two below; `until` says when to stop
    rounds_large: int = 3  # of the sizes after the first
    network_rounds: int = 5
    until: Until | None = UNTIL
    backbones: tuple[str, ...] = network.BACKBONES
    threads: tuple[int, ...] = (1, 2)
    allocator: str = allocator.HUGE_PAGES
    device: str = "cpu"


@dataclass
class Found:
    """Everything measured, in the order of the tables."""

    layers: list[Row] = field(default_factory=list)
    memory: list[Extra] = field(default_factory=list)
    network: list[Step] = field(default_factory=list)

    def verdicts(self) -> list[Verdict]:
        return [
            *layer_verdicts(self.layers),
            *memory_verdicts(self.memory),
            *network_verdicts(self.network),
        ]


def run(out: Path, plan: Plan | None = None, progress: Progress = lambda line: None) -> Found:
    """Measure and write `out/neurons/<machine>/`; `progress` hears a line per step.

    Raises UsageError when another allocator policy than the plan's was set in this process.
    """
    plan = plan or Plan()
    policy = allocator.apply_policy(plan.allocator)
    threads = min(max(plan.threads), usable_cores())
    torch.set_num_threads(threads)
    found = Found()
    folder = out / "neurons" / machine(plan.device)
    for measure in (_memory, _network, _layers):
        measure(plan, found, progress)
        _write(folder, plan, found, policy, threads)
    return found


def _layers(plan: Plan, found: Found, progress: Progress) -> None:
    for kind in plan.kinds:
        for time_steps in plan.time_steps:
            progress(f"{kind}, T={time_steps}: compiling")
            contenders = layers.contenders(kind, time_steps, plan.compiled, plan.device)
            for size in plan.sizes:
                progress(f"{kind}, T={time_steps}, {size} M elements")
                rounds = plan.rounds if size == plan.sizes[0] else plan.rounds_large
                cell = Cell(kind, time_steps, size * MEGA, plan.device)
                found.layers += layers.measure(cell, contenders, rounds=rounds, until=plan.until)


def _memory(plan: Plan, found: Found, progress: Progress) -> None:
    if plan.device != "cpu":
        return
    for kind in plan.kinds:
        for time_steps in plan.time_steps:
            for engine in (layers.NATIVE, "spikingjelly"):
                progress(f"{kind}, T={time_steps}: memory of {engine}")
                cell = Cell(kind, time_steps, plan.sizes[0] * MEGA)
                found.memory.append(footprint.measure(cell, engine))


def _network(plan: Plan, found: Found, progress: Progress) -> None:
    threads_to_try = [n for n in plan.threads if n <= usable_cores()]
    if plan.device != "cpu":
        threads_to_try = threads_to_try[:1]
    for backbone in plan.backbones:
        for precision in NETWORK_OPTIONS:
            options = replace(precision, device=plan.device)
            for threads in threads_to_try:
                progress(f"network {backbone}, {options.label}, {threads} thread(s)")
                found.network += network.measure(
                    backbone, options, threads, rounds=plan.network_rounds, until=plan.until
                )


def _write(folder: Path, plan: Plan, found: Found, policy: str, threads: int) -> None:
    tables: dict[str, Any] = {
        "acceptance": found.verdicts(),
        "layers": found.layers,
        "memory": found.memory,
        "network": found.network,
    }
    surroundings = provenance(plan.device, threads)
    sample = torch.zeros(1, device=plan.device)
    notes = [
        f"{surroundings['processor']}, {threads} threads, PyTorch {torch.__version__}, "
        f"kernel {surroundings['kernel']}, allocator {policy}.",
        f"Memory limit: {layers_limit(sample)}, 8 bytes an element forward, 20 in training. "
        "Contenders take turns in every round; ratios are paired, medians over rounds."
        + _stop_rule(plan.until),
        "Layer: alpha .5, gain .5, threshold 1, ATan surrogate, detached hard reset to 0. "
        "Network: LIF on 2x34x34, T = 10, batch 16, with loss, backward and Adam; all start from "
        "the same weights.",
        f"{STEPWISE}: the library's default step mode, one time step a call, always float32 and "
        "contiguous; its BatchNorm normalises each time step by itself, its pooling is PyTorch's. "
        "The other contenders share this suite's network, all time steps in one call.",
    ]
    report.write(folder, tables, {**surroundings, "allocator": policy}, notes)


def _stop_rule(until: Until | None) -> str:
    if until is None:
        return ""
    return (
        f" There are more rounds until the ratios to the first contender are known to "
        f"{100 * until.tight:g} % or {until.budget:g} s have gone by."
    )


def layers_limit(sample: torch.Tensor) -> str:
    """How the memory limit is streamed on this device."""
    return MemoryLimit(sample, sample).name
