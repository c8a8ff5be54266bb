"""What the CPU kernels are told: which variant to compile, and the arguments of one call."""

from __future__ import annotations

import ctypes
import functools
from ctypes import POINTER, c_char_p, c_double, c_float, c_int64, c_void_p

import torch
from torch import Tensor

from liafbench.baselines.neurons.kernels import cpu_build
from liafbench.baselines.neurons.kernels.layout import SHARED, Spread
from liafbench.baselines.neurons.step import Step

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

    def __init__(
        self,
        call: Call,
        spreads: tuple[Spread, ...],
        parameters: tuple[Tensor | None, ...],
        wanted: tuple[bool, ...],
    ):
        self._sums: list[_Single | _Several | None] = [
            None if parameter is None or not want else _sum(call.threads, spread, parameter)
            for spread, parameter, want in zip((*spreads, SHARED), parameters, wanted, strict=True)
        ]
        call.sum_alpha, call.sum_beta, call.sum_threshold, call.sum_k = (
            None if total is None else total.address for total in self._sums
        )

    def gradients(self) -> tuple[Tensor | None, ...]:
        """After the call, in the shapes and types of the parameters; None where not wanted."""
        return tuple(None if total is None else total.gradient() for total in self._sums)


def _sum(threads: int, spread: Spread, parameter: Tensor) -> _Single | _Several:
    single = spread is SHARED and parameter.dtype is torch.float32 and parameter.is_cpu
    return _Single(threads, parameter) if single else _Several(threads, spread, parameter)


class _Single:
    """The gradient of one float32 value, a sum in double for each thread.

    What PyTorch does to add two numbers takes longer, from cold caches, than the kernel takes for a
    small layer: here it only allocates, before the kernel.
    """

    def __init__(self, threads: int, parameter: Tensor) -> None:
        self._each = (c_double * threads)()
        self.address = ctypes.addressof(self._each)
        self._gradient = parameter.new_empty(parameter.shape)
        self._rounded = c_float.from_address(self._gradient.data_ptr())

    def gradient(self) -> Tensor:
        total = 0.0
        for part in self._each:
            total += part
        self._rounded.value = total
        return self._gradient


class _Several:
    """The gradient of a parameter of any shape and type: `period` sums in double a thread."""

    def __init__(self, threads: int, spread: Spread, parameter: Tensor) -> None:
        self._spread, self._parameter = spread, parameter
        # Whatever the default device is.
        self._each = torch.zeros(threads, spread.period, dtype=torch.float64, device="cpu")
        self.address = self._each.data_ptr()

    def gradient(self) -> Tensor:
        return self._spread.gradient(self._each, self._parameter)


def wanted_sums(needs: tuple[bool, ...], k: Tensor | None) -> tuple[bool, bool, bool, bool]:
    """Which gradients of (alpha, beta, v_threshold, k) to sum, by the last four of `needs`."""
    of_alpha, of_beta, of_threshold, of_k = needs[-4:]
    return of_alpha, of_beta, of_threshold, of_k and k is not None


def constants(step: Step, k: Tensor | None) -> _Constants:
    return _Constants(step.gain, step.rest, step.width, step.slope, 1.0 if k is None else k.item())


def lay_out(call: Call, spreads: tuple[Spread, ...]) -> None:
    """Tells a call how alpha, beta and v_threshold lie over the columns."""
    for field, spread in zip((call.alpha, call.beta, call.v_threshold), spreads, strict=True):
        field.period, field.inner = spread.period, spread.inner


def point(call: Call, alpha: Tensor, beta: Tensor, v_threshold: Tensor) -> None:
    """Tells the values of parameters to a call; keep them alive as long as it is used."""
    call.alpha.values = alpha.data_ptr()
    call.beta.values = beta.data_ptr()
    call.v_threshold.values = v_threshold.data_ptr()


FUNCTIONS = ("size_of_call", "instruction_set")
RECURRENT_FUNCTIONS = (*FUNCTIONS, "size_of_recurrent_call", "recurrent_row_multiple")
"""What a library has beside the function that computes."""


def clear_cache() -> None:
    """Ask again for the compiler and for every variant, in this process."""
    for library in (
        forward_library,
        backward_library,
        recurrent_forward_library,
        recurrent_backward_library,
    ):
        library.cache_clear()
    cpu_build.clear_cache()


@functools.cache
def forward_library(spec: str, dtype: torch.dtype, varied: bool) -> ctypes.CDLL:
    """The forward variant of a step, by its spec; Unavailable when it cannot be had."""
    macros = forward_macros(Step.read(spec), dtype, varied)
    library = cpu_build.load("forward.cpp", macros, "neuron_forward", *FUNCTIONS)
    return _checked(library, "neuron_forward")


@functools.cache
def backward_library(
    spec: str, dtype: torch.dtype, varied: bool, sums: tuple[bool, bool, bool, bool]
) -> ctypes.CDLL:
    """The backward variant that sums the gradients of (alpha, beta, v_threshold, k) asked for."""
    macros = backward_macros(Step.read(spec), dtype, varied, sums)
    library = cpu_build.load("backward.cpp", macros, "neuron_backward", *FUNCTIONS)
    return _checked(library, "neuron_backward")


@functools.cache
def recurrent_forward_library(spec: str, dtype: torch.dtype, varied: bool) -> ctypes.CDLL:
    """As `forward_library`, for recurrent neurons."""
    macros = forward_macros(Step.read(spec), dtype, varied)
    library = cpu_build.load(
        "recurrent_forward.cpp", macros, "recurrent_forward", *RECURRENT_FUNCTIONS
    )
    return _checked_recurrent(library, "recurrent_forward")


@functools.cache
def recurrent_backward_library(
    spec: str, dtype: torch.dtype, varied: bool, sums: tuple[bool, bool, bool, bool]
) -> ctypes.CDLL:
    """As `backward_library`, for recurrent neurons."""
    macros = backward_macros(Step.read(spec), dtype, varied, sums)
    library = cpu_build.load(
        "recurrent_backward.cpp", macros, "recurrent_backward", *RECURRENT_FUNCTIONS
    )
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
