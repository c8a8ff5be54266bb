"""What the CPU kernels are told: which variant to compile, and the arguments of one call."""

from __future__ import annotations

import ctypes
import functools
from ctypes import POINTER, c_char_p, c_float, c_int64, c_void_p

import torch
from torch import Tensor

from baselines.neurons.kernels import cpu_build
from baselines.neurons.kernels.layout import SHARED, Broadcast
from baselines.neurons.step import Step

VALUES = {torch.float32: "float", torch.bfloat16: "bfloat16"}
MAX_BLOCK = 4096  # columns, as in blocks.h
ROW = 32  # columns: row_multiple in product.h


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


class RecurrentCall(ctypes.Structure):
    """The struct of the same name in recurrent.h, field by field."""

    _fields_ = [
        ("layer", Call),
        ("neurons", c_int64),
        ("padded", c_int64),
        *((name, c_void_p) for name in ("weights", "weights_back", "potential", "shown")),
    ]


class ParameterSums:
    """Where the gradients of (alpha, beta, v_threshold, k) are summed, told to a call."""

    def __init__(self, call: Call, spread: tuple[Broadcast, ...], wanted: tuple[bool, ...]):
        self._spread = (*spread, SHARED)
        self._sums = [
            # Whatever the default device is.
            torch.zeros(call.threads, b.period, dtype=torch.float64, device="cpu") if want else None
            for b, want in zip(self._spread, wanted, strict=True)
        ]
        call.sum_alpha, call.sum_beta, call.sum_threshold, call.sum_k = (
            None if total is None else total.data_ptr() for total in self._sums
        )

    def gradients(self, parameters: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        """After the call, in the shapes and types of the parameters; None where not wanted."""
        return tuple(
            None if total is None or parameter is None else b.gradient(total, parameter)
            for b, total, parameter in zip(self._spread, self._sums, parameters, strict=True)
        )


def constants(step: Step, k: Tensor | None) -> _Constants:
    return _Constants(step.gain, step.rest, step.width, step.slope, 1.0 if k is None else k.item())


def point(call: Call, spread: tuple[Broadcast, ...]) -> None:
    """Tells alpha, beta and v_threshold to a call; keep them alive as long as it is used."""
    told = (call.alpha, call.beta, call.v_threshold)
    for field, parameter in zip(told, spread, strict=True):
        field.values = parameter.values.data_ptr()
        field.period, field.inner = parameter.period, parameter.inner


def forget() -> None:
    """Ask again for the compiler and for every variant, in this process."""
    for library in (
        forward_library,
        backward_library,
        recurrent_forward_library,
        recurrent_backward_library,
    ):
        library.cache_clear()
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


@functools.cache
def recurrent_forward_library(step: Step, dtype: torch.dtype, varied: bool) -> ctypes.CDLL:
    """As `forward_library`, for recurrent neurons."""
    library = cpu_build.load("recurrent_forward.cpp", forward_macros(step, dtype, varied))
    return _checked_recurrent(library, "recurrent_forward")


@functools.cache
def recurrent_backward_library(
    step: Step, dtype: torch.dtype, varied: bool, sums: tuple[bool, bool, bool, bool]
) -> ctypes.CDLL:
    """As `backward_library`, for recurrent neurons."""
    library = cpu_build.load("recurrent_backward.cpp", backward_macros(step, dtype, varied, sums))
    return _checked_recurrent(library, "recurrent_backward")


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


def _checked(library: ctypes.CDLL, function: str, call: type = Call) -> ctypes.CDLL:
    getattr(library, function).argtypes = [POINTER(call)]
    getattr(library, function).restype = None
    library.size_of_call.restype = c_int64
    library.instruction_set.restype = c_char_p
    if library.size_of_call() != ctypes.sizeof(Call):
        raise AssertionError("cpu_call.Call and the struct in blocks.h differ")
    return library


def _checked_recurrent(library: ctypes.CDLL, function: str) -> ctypes.CDLL:
    library.size_of_recurrent_call.restype = c_int64
    library.recurrent_row_multiple.restype = c_int64
    told = (library.size_of_recurrent_call(), library.recurrent_row_multiple())
    if told != (ctypes.sizeof(RecurrentCall), ROW):
        raise AssertionError("cpu_call.RecurrentCall or ROW and recurrent.h differ")
    return _checked(library, function, RecurrentCall)
