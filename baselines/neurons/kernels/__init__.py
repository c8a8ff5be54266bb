"""Who computes the fused neuron: kernels behind one protocol, the fastest that can do it first.

A kernel computes all T steps of `Step` (see step.py) and their backward pass. To add one, write
an object with the members of `Kernel` and name it in `KERNELS`. The environment variable
LIAFBENCH_KERNEL (portable, cpu, triton or auto) forces one; it is read at the first use.
"""

from __future__ import annotations

import functools
import os

import torch
from torch import Tensor

from liafbench.baselines.errors import UsageError, unknown
from liafbench.baselines.neurons.kernels.cpu import Cpu
from liafbench.baselines.neurons.kernels.cpu_recurrent import CpuRecurrent
from liafbench.baselines.neurons.kernels.fallback import KernelFallback, fallbacks, stands_aside
from liafbench.baselines.neurons.kernels.portable import Portable
from liafbench.baselines.neurons.kernels.protocol import (
    AnyKernel,
    Gradients,
    Kernel,
    Needs,
    RecurrentGradients,
    RecurrentKernel,
    RecurrentNeeds,
)
from liafbench.baselines.neurons.kernels.recurrent import PortableRecurrent
from liafbench.baselines.neurons.kernels.triton_kernel import Triton
from liafbench.baselines.neurons.step import Step

__all__ = [
    "KERNELS",
    "RECURRENT_KERNELS",
    "Gradients",
    "Kernel",
    "KernelFallback",
    "Needs",
    "RecurrentGradients",
    "RecurrentKernel",
    "RecurrentNeeds",
    "Step",
    "fallbacks",
    "forced",
    "kernel_in_use",
    "select",
    "select_recurrent",
]

KERNELS: tuple[Kernel, ...] = (Cpu(), Triton(), Portable())
"""Every kernel, fastest first; the last one refuses nothing."""

RECURRENT_KERNELS: tuple[RecurrentKernel, ...] = (CpuRecurrent(), PortableRecurrent())
"""Every kernel of recurrent neurons, fastest first; the last one refuses nothing."""


def select(x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> Kernel:
    """The first kernel that does not refuse, or the one LIAFBENCH_KERNEL names.

    Raises UsageError when the named kernel is unknown or refuses. A fallback warns once a reason.
    """
    name = forced()
    if name is None:
        return _first(KERNELS, x, parameters, step)
    return _named(name, KERNELS, x, parameters, step)


def select_recurrent(x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> RecurrentKernel:
    """As `select`; a kernel without a recurrent form, when named, leaves it to the portable one."""
    name = forced()
    if name is None:
        return _first(RECURRENT_KERNELS, x, parameters, step)
    has_form = name in (_family(kernel) for kernel in RECURRENT_KERNELS)
    return _named(name if has_form else "portable", RECURRENT_KERNELS, x, parameters, step)


@functools.cache
def forced() -> str | None:
    """The family that LIAFBENCH_KERNEL names; the environment is read once."""
    name = os.environ.get("LIAFBENCH_KERNEL", "auto")
    if name == "auto":
        return None
    families = [_family(kernel) for kernel in KERNELS]
    if name not in families:
        raise unknown("kernel (LIAFBENCH_KERNEL)", name, [*families, "auto"])
    return name


def _first(
    candidates: tuple[AnyKernel, ...], x: Tensor, parameters: tuple[Tensor, ...], step: Step
) -> AnyKernel:
    for kernel in candidates:
        reason = kernel.refuses(x, parameters, step)
        if reason is None:
            return kernel
        if _meant_for(kernel, x.device.type):
            stands_aside(f"kernel {kernel.name} stands aside: {reason}")
    raise AssertionError("the portable kernel refuses nothing")


def kernel_in_use(device: str = "cpu") -> str:
    """The kernel that an ordinary float32 LIF layer gets on a device, for a run's provenance.

    Names why a faster one stood aside: "portable (cpu: no compiler found)".
    """
    x = torch.zeros(1, 1, device=device)
    zero = torch.zeros((), device=device)
    parameters = (zero, zero, torch.ones((), device=device))
    used = select(x, parameters, Step())
    reasons = []
    for kernel in KERNELS:
        if kernel is used:
            break
        if _meant_for(kernel, torch.device(device).type):
            reasons.append(f"{kernel.name}: {kernel.refuses(x, parameters, Step())}")
    return f"{used.name} ({'; '.join(reasons)})" if reasons else used.name


def _family(kernel: Kernel | RecurrentKernel) -> str:
    return kernel.name.split("-")[0].split(" ")[0]


def _meant_for(kernel: Kernel | RecurrentKernel, device_type: str) -> bool:
    """Whether a refusal on this device is worth a word (a CPU kernel on a GPU tensor is not)."""
    return _family(kernel) == {"cpu": "cpu", "cuda": "triton"}.get(device_type)


def _named(
    name: str,
    candidates: tuple[AnyKernel, ...],
    x: Tensor,
    parameters: tuple[Tensor, ...],
    step: Step,
) -> AnyKernel:
    kernel = next(kernel for kernel in candidates if _family(kernel) == name)
    reason = kernel.refuses(x, parameters, step)
    if reason is not None:
        raise UsageError(f"LIAFBENCH_KERNEL={name}: {reason}; unset it to let another kernel do it")
    return kernel
