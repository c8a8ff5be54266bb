"""What the CPU kernel is told: which variant to compile, and the arguments of one call."""

from __future__ import annotations

import ctypes
import functools
from ctypes import POINTER, c_char_p, c_float, c_int64, c_void_p

import torch
from torch import Tensor

from baselines.neurons.kernels import cpu_build
from baselines.neurons.kernels.layout import Broadcast
from baselines.neurons.step import Step

VALUES = {torch.float32: "float", torch.bfloat16: "bfloat16"}
MAX_BLOCK = 4096  # columns, as in blocks.h


class _Broadcast(ctypes.Structure):
    _fields_ = [("values", c_void_p), ("period", c_int64), ("inner", c_int64)]


class _Constants(ctypes.Structure):
    _fields_ = [(name, c_float) for name in ("gain", "rest", "width", "slope", "k")]


class Call(ctypes.Structure):
    """The struct of the same name in blocks.h, field by field."""

    _fields_ = [
        *((name, c_int64) for name in ("time_steps", "columns", "block", "threads", "stream")),
        ("x", c_void_p),
        ("x_stride", c_int64),
        ("y", c_void_p),
        ("grad_y", c_void_p),
        ("grad_y_stride", c_int64),
        ("grad_x", c_void_p),
        ("scratch", c_void_p),
        ("alpha", _Broadcast),
        ("beta", _Broadcast),
        ("v_threshold", _Broadcast),
        *((name, c_void_p) for name in ("sum_alpha", "sum_beta", "sum_threshold", "sum_k")),
        ("constants", _Constants),
    ]


def constants(step: Step, k: Tensor | None) -> _Constants:
    return _Constants(step.gain, step.rest, step.width, step.slope, 1.0 if k is None else k.item())


def pointed(parameter: Broadcast) -> _Broadcast:
    """Keep `parameter` alive as long as the call."""
    return _Broadcast(parameter.values.data_ptr(), parameter.period, parameter.inner)


def forget() -> None:
    """Ask again for the compiler and for every variant, in this process."""
    forward_library.cache_clear()
    backward_library.cache_clear()
    cpu_build.forget()


@functools.cache
def forward_library(step: Step, dtype: torch.dtype, varied: bool) -> ctypes.CDLL:
    """The forward variant of a step; Unavailable when it cannot be had."""
    library = cpu_build.load("forward.cpp", forward_macros(step, dtype, varied))
    return _checked(library, "neuron_forward")


@functools.cache
def backward_library(
    step: Step, dtype: torch.dtype, varied: bool, sums: tuple[bool, bool, bool, bool]
) -> ctypes.CDLL:
    """The backward variant that sums the gradients of (alpha, beta, v_threshold, k) asked for."""
    library = cpu_build.load("backward.cpp", backward_macros(step, dtype, varied, sums))
    return _checked(library, "neuron_backward")


def backward_macros(
    step: Step, dtype: torch.dtype, varied: bool, sums: tuple[bool, bool, bool, bool]
) -> tuple[str, ...]:
    names = ("GRAD_ALPHA", "GRAD_BETA", "GRAD_THRESHOLD", "GRAD_K")
    return (
        *forward_macros(step, dtype, varied),
        f"SURROGATE={step.surrogate}",
        f"DETACH_RESET={step.detach_reset:d}",
        *(f"{name}={wanted:d}" for name, wanted in zip(names, sums, strict=True)),
    )


def forward_macros(step: Step, dtype: torch.dtype, varied: bool) -> tuple[str, ...]:
    analog = step.output != "spike"
    return (
        f"VALUE={VALUES[dtype]}",
        f"OUTPUT={step.output}",
        f"SOFT_RESET={step.v_reset is None:d}",
        f"THRESHOLD_RELATED={analog and step.threshold_related:d}",
        f"KLIF={step.klif:d}",
        f"SCALE_RESET={step.klif and step.scale_reset:d}",
        f"VARIED={varied:d}",
    )


def _checked(library: ctypes.CDLL, function: str) -> ctypes.CDLL:
    getattr(library, function).argtypes = [POINTER(Call)]
    getattr(library, function).restype = None
    library.size_of_call.restype = c_int64
    library.instruction_set.restype = c_char_p
    if library.size_of_call() != ctypes.sizeof(Call):
        raise AssertionError("cpu_call.Call and the struct in blocks.h differ")
    return library
