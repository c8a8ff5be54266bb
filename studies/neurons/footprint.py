"""Extra memory of a layer's training step, in units of its input, in a fresh process each."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from typing import Any

import psutil
import torch

from liafbench.baselines.engines import make_neuron
from liafbench.bench.timing import allocator
from liafbench.bench.timing.memory import in_fresh_process, peak_resident, reset_peak
from studies.neurons.layers import SETTINGS, Cell, Work


@dataclass(frozen=True)
class Extra:
    """Peak resident memory of a step above that before it, over the bytes of the currents."""

    neuron: str
    engine: str
    time_steps: int
    elements: int
    inputs: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure(cell: Cell, engine: str) -> Extra:
    """Outputs, gradients of the currents and whatever the engine keeps; not the currents."""
    inputs = in_fresh_process(functools.partial(_step, cell, engine, torch.get_num_threads()))
    return Extra(cell.neuron, engine, cell.time_steps, cell.elements, inputs)


def _step(cell: Cell, engine: str, threads: int) -> float:
    torch.set_num_threads(threads)
    layer = make_neuron(engine, cell.neuron, **SETTINGS[cell.neuron])
    x, grad_y = cell.tensors()
    # Code that is compiled or loaded at first use belongs to the process, not to the step.
    Work(layer, x[..., :64], grad_y[..., :64], train=True)()
    work = Work(layer, x, grad_y, train=True)
    allocator.trim()
    reset_peak()
    resting = psutil.Process().memory_info().rss
    work()
    return (peak_resident() - resting) / (x.numel() * x.element_size())
