"""Who computes the fused neuron: kernels behind one protocol, the fastest that can do it first.

A kernel computes all T steps of `Step` (see step.py) and their backward pass. To add one, write
an object with the members of `Kernel` and name it in `kernels()`. The environment variable
LIAFBENCH_KERNEL (portable, cpu, triton or auto) forces one; it is read at the first use.
"""

from __future__ import annotations

import functools
import os
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from liafbench.baselines.errors import UsageError, unknown
from liafbench.baselines.neurons.kernels.fallback import KernelFallback, fallbacks, stands_aside
from liafbench.baselines.neurons.step import Step

__all__ = [
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
    "kernels",
    "recurrent_kernels",
    "select",
    "select_recurrent",
]

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None]
Needs = tuple[bool, bool, bool, bool, bool]
RecurrentGradients = tuple[
    Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None
]
RecurrentNeeds = tuple[bool, bool, bool, bool, bool, bool]


class Kernel(Protocol):
    """Forward and backward of all time steps.

    x is [T, ...] of any floating type and any strides; the output and the gradient of x are
    allocated with `torch.empty_like(x)`. alpha, beta and v_threshold are 0-dim or broadcast
    against x[0]; k is 0-dim, or None without KLIF. The state is kept in `state_dtype(x.dtype)`.
    """

    @property
    def name(self) -> str:
        """Short name; LIAFBENCH_KERNEL is held against the part before the first "-"."""

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        """Why this kernel cannot compute the step on x, or None when it can.

        `parameters` is (alpha, beta, v_threshold).
        """

    def forward(
        self,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
    ) -> Tensor:
        """The outputs, shaped, typed and laid out like x."""

    def backward(
        self,
        grad_y: Tensor,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
        needs: Needs,
    ) -> Gradients:
        """Gradients of (x, alpha, beta, v_threshold, k), None where `needs` is False.

        Each has the shape and type of what it is the gradient of. The potential is recomputed
        from x. grad_y has the shape of x and any strides.
        """


class RecurrentKernel(Protocol):
    """As `Kernel`, for x [T, B, N] and recurrent weights w_rec [N, N] (to, from), which stand
    behind x among the arguments, the needs and the gradients. Results are contiguous.
    """

    @property
    def name(self) -> str:
        """As of `Kernel`."""

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        """As of `Kernel`."""

    def forward(
        self,
        x: Tensor,
        w_rec: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
    ) -> Tensor:
        """The outputs, shaped and typed like x."""

    def backward(
        self,
        grad_y: Tensor,
        x: Tensor,
        w_rec: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
        needs: RecurrentNeeds,
    ) -> RecurrentGradients:
        """Gradients of (x, w_rec, alpha, beta, v_threshold, k), None where `needs` is False."""


AnyKernel = TypeVar("AnyKernel", Kernel, RecurrentKernel)


@functools.cache
def kernels() -> tuple[Kernel, ...]:
    """Every kernel, fastest first; the last one refuses nothing."""
    from liafbench.baselines.neurons.kernels.cpu import Cpu
    from liafbench.baselines.neurons.kernels.portable import Portable
    from liafbench.baselines.neurons.kernels.triton_kernel import Triton

    return (Cpu(), Triton(), Portable())


@functools.cache
def recurrent_kernels() -> tuple[RecurrentKernel, ...]:
    """Every kernel of recurrent neurons, fastest first; the last one refuses nothing."""
    from liafbench.baselines.neurons.kernels.cpu_recurrent import CpuRecurrent
    from liafbench.baselines.neurons.kernels.recurrent import PortableRecurrent

    return (CpuRecurrent(), PortableRecurrent())


def select(x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> Kernel:
    """The first kernel that does not refuse, or the one LIAFBENCH_KERNEL names.

    Raises UsageError when the named kernel is unknown or refuses. A fallback warns once a reason.
    """
    name = forced()
    if name is None:
        return _first(kernels(), x, parameters, step)
    return _named(name, kernels(), x, parameters, step)


def select_recurrent(x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> RecurrentKernel:
    """As `select`; a kernel without a recurrent form, when named, leaves it to the portable one."""
    name = forced()
    if name is None:
        return _first(recurrent_kernels(), x, parameters, step)
    has_form = name in (_family(kernel) for kernel in recurrent_kernels())
    return _named(name if has_form else "portable", recurrent_kernels(), x, parameters, step)


@functools.cache
def forced() -> str | None:
    """The family that LIAFBENCH_KERNEL names; the environment is read once."""
    name = os.environ.get("LIAFBENCH_KERNEL", "auto")
    if name == "auto":
        return None
    families = [_family(kernel) for kernel in kernels()]
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
    for kernel in kernels():
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
