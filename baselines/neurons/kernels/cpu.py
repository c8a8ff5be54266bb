"""The fused CPU kernel: C++ without PyTorch headers, compiled at first use, called by ctypes."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import torch
from torch import Tensor

from liafbench.baselines.neurons.kernels import cpu_build, cpu_call
from liafbench.baselines.neurons.kernels.fallback import stands_aside
from liafbench.baselines.neurons.kernels.layout import (
    SHARED,
    Spread,
    empty_frames,
    laid_out_like,
    spread,
    time_outermost,
    with_frame_strides,
)
from liafbench.baselines.neurons.kernels.portable import Portable
from liafbench.baselines.neurons.kernels.protocol import Gradients, Needs
from liafbench.baselines.neurons.step import Step

BLOCK = 2048  # columns: long runs of memory, and state that leaves room in the first cache
SCRATCH = 256 * 1024  # bytes of recomputed potential: stays in a second-level cache
STREAM_FROM = 4 * 1024 * 1024  # bytes: a larger result is written past the caches
LINE = 64  # columns: whole cache lines in either type
PARALLEL_FROM = 64 * 1024  # elements: fewer are not worth waking a thread for


class Cpu:
    """Serves float32 and bfloat16 on the CPU wherever a C++ compiler is found."""

    @property
    def name(self) -> str:
        """ "cpu-avx512 (g++ 12.2.0)"; before anything could be compiled just "cpu"."""
        try:
            library = cpu_call.forward_library(Step().spec, torch.float32, False)
            return f"cpu-{library.instruction_set().decode()} ({cpu_build.compiler().short})"
        except cpu_build.Unavailable:
            return "cpu"

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        if not x.is_cpu:
            return f"x is on {x.device.type}"
        if x.dtype not in cpu_call.VALUES:
            return f"x is {str(x.dtype).removeprefix('torch.')}, not float32 or bfloat16"
        try:
            cpu_call.forward_library(step.spec, x.dtype, varied_by_column(*parameters))
        except cpu_build.Unavailable as reason:
            return str(reason)
        return None

    def forward(
        self,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
    ) -> Tensor:
        dense = x.is_contiguous()
        frames = x if dense else time_outermost(x)
        plan = _plan_of(frames, alpha, beta, v_threshold, step, BLOCK)
        call, _values = plan.told(frames, alpha, beta, v_threshold, k)
        y = empty_frames(frames)
        call.y = y.data_ptr()
        cpu_call.forward_library(step.spec, x.dtype, plan.varied).neuron_forward(call)
        return y if dense else laid_out_like(x, y)

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
        dense = x.is_contiguous()
        frames = x if dense else time_outermost(x)
        plan = _plan_of(frames, alpha, beta, v_threshold, step, SCRATCH // (4 * max(1, len(x))))
        wanted = cpu_call.wanted_sums(needs, k)
        try:
            library = cpu_call.backward_library(step.spec, x.dtype, plan.varied, wanted)
        except cpu_build.Unavailable as reason:
            stands_aside(f"kernel cpu stands aside in a backward pass: {reason}")
            return Portable().backward(grad_y, x, alpha, beta, v_threshold, k, step, needs)
        grad_y = grad_y if grad_y.dtype is x.dtype else grad_y.to(x.dtype)
        grad_y = with_frame_strides(grad_y, frames.stride()[1:])
        grad_x = empty_frames(frames) if needs[0] else None
        call, _values = plan.told(frames, alpha, beta, v_threshold, k)
        call.grad_y, call.grad_y_stride = grad_y.data_ptr(), grad_y.stride(0)
        call.grad_x = None if grad_x is None else grad_x.data_ptr()
        scratch = x.new_empty(plan.scratch, dtype=torch.float32)
        call.scratch = scratch.data_ptr()
        parameters = (alpha, beta, v_threshold, k)
        sums = cpu_call.ParameterSums(call, plan.spreads, parameters, wanted)
        library.neuron_backward(call)
        of_alpha, of_beta, of_threshold, of_k = sums.gradients()
        of_x = grad_x if grad_x is None or dense else laid_out_like(x, grad_x)
        return of_x, of_alpha, of_beta, of_threshold, of_k


def varied_by_column(alpha: Tensor, beta: Tensor, v_threshold: Tensor) -> bool:
    """Whether a parameter differs between columns."""
    return alpha.numel() > 1 or beta.numel() > 1 or v_threshold.numel() > 1


class _Plan(NamedTuple):
    """What stays the same from call to call; pointers and k come with the call.

    In a network all of this runs from cold caches, where every function costs microseconds.
    """

    call: cpu_call.Call
    spreads: tuple[Spread, Spread, Spread]
    varied: bool
    scratch: int  # values a backward pass recomputes into

    def told(
        self, frames: Tensor, alpha: Tensor, beta: Tensor, v_threshold: Tensor, k: Tensor | None
    ) -> tuple[cpu_call.Call, tuple[Tensor, Tensor, Tensor]]:
        """A call of its own, since others may be under way in other threads, and the values of the
        parameters, to be kept alive as long as it is used.
        """
        call = cpu_call.Call.from_buffer_copy(self.call)
        call.x = frames.data_ptr()
        of_alpha, of_beta, of_threshold = self.spreads
        values = of_alpha.values(alpha), of_beta.values(beta), of_threshold.values(v_threshold)
        cpu_call.point(call, *values)
        if k is not None:
            call.constants.k = k.item()
        return call, values


def _plan_of(
    frames: Tensor, alpha: Tensor, beta: Tensor, v_threshold: Tensor, step: Step, most: int
) -> _Plan:
    """`most`: columns of a block."""
    shapes = alpha.shape, beta.shape, v_threshold.shape
    threads = torch.get_num_threads()
    return _plan(frames.shape, frames.stride(), frames.dtype, shapes, step.spec, most, threads)


@functools.lru_cache(maxsize=256)
def _plan(
    shape: torch.Size,
    strides: tuple[int, ...],
    dtype: torch.dtype,
    given: tuple[torch.Size, torch.Size, torch.Size],
    spec: str,
    most: int,
    threads: int,
) -> _Plan:
    columns = math.prod(shape[1:])
    block, threads = _split(columns, shape[0] * columns, most, threads)
    call = cpu_call.Call(
        time_steps=shape[0],
        columns=columns,
        block=block,
        threads=threads,
        stream=_streams(columns * dtype.itemsize, shape[0]),
        x_stride=strides[0],
        constants=cpu_call.constants(Step.read(spec), k=None),
    )
    alpha, beta, v_threshold = (spread(tuple(of), shape[1:], strides[1:]) for of in given)
    spreads = alpha, beta, v_threshold
    cpu_call.lay_out(call, spreads)
    varied = any(each is not SHARED for each in spreads)
    return _Plan(call, spreads, varied, threads * shape[0] * block)


def _split(columns: int, elements: int, most: int, threads: int) -> tuple[int, int]:
    """Columns of a block, in whole cache lines, and how many of the threads take part."""
    threads = threads if elements >= PARALLEL_FROM else 1
    share = -(-columns // (threads * LINE)) * LINE
    block = max(LINE, min(share, most // LINE * LINE, BLOCK))
    return block, max(1, min(threads, -(-columns // block)))


def _streams(row_bytes: int, rows: int) -> bool:
    """Whether results go past the caches: they are large, and every row starts a cache line."""
    return row_bytes * rows >= STREAM_FROM and row_bytes % 64 == 0
