"""The fused CPU kernel: C++ without PyTorch headers, compiled at first use, called by ctypes."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from baselines.neurons.kernels import Gradients, Needs, cpu_build, cpu_call
from baselines.neurons.kernels.fallback import stands_aside
from baselines.neurons.kernels.layout import (
    Broadcast,
    broadcast,
    empty_frames,
    laid_out_like,
    time_outermost,
    with_frame_strides,
)
from baselines.neurons.kernels.portable import Portable
from baselines.neurons.step import Step

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
            library = cpu_call.forward_library(Step(), torch.float32, varied=False)
            return f"cpu-{library.instruction_set().decode()} ({cpu_build.compiler().short})"
        except cpu_build.Unavailable:
            return "cpu"

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        if x.device.type != "cpu":
            return f"x is on {x.device.type}"
        if x.dtype not in cpu_call.VALUES:
            return f"x is {str(x.dtype).removeprefix('torch.')}, not float32 or bfloat16"
        try:
            cpu_call.forward_library(step, x.dtype, varied_by_column(parameters[:3]))
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
        frames, spread, varied = _prepare(x, (alpha, beta, v_threshold))
        y = empty_frames(frames)
        call = _call(frames, spread, k, step, BLOCK)
        call.y = y.data_ptr()
        cpu_call.forward_library(step, x.dtype, varied).neuron_forward(call)
        return laid_out_like(x, y)

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
        frames, spread, varied = _prepare(x, (alpha, beta, v_threshold))
        try:
            library = cpu_call.backward_library(step, x.dtype, varied, needs[1:])
        except cpu_build.Unavailable as reason:
            stands_aside(f"kernel cpu stands aside in a backward pass: {reason}")
            return Portable().backward(grad_y, x, alpha, beta, v_threshold, k, step, needs)
        grad_y = with_frame_strides(grad_y.to(x.dtype), frames.stride()[1:])
        grad_x = empty_frames(frames) if needs[0] else None
        call = _call(frames, spread, k, step, SCRATCH // (4 * max(1, len(x))))
        call.grad_y, call.grad_y_stride = grad_y.data_ptr(), grad_y.stride(0)
        call.grad_x = None if grad_x is None else grad_x.data_ptr()
        scratch = x.new_empty(call.threads * call.time_steps * call.block, dtype=torch.float32)
        call.scratch = scratch.data_ptr()
        sums = cpu_call.ParameterSums(call, spread, needs[1:])
        library.neuron_backward(call)
        of_alpha, of_beta, of_threshold, of_k = sums.gradients((alpha, beta, v_threshold, k))
        of_x = None if grad_x is None else laid_out_like(x, grad_x)
        return of_x, of_alpha, of_beta, of_threshold, of_k


def varied_by_column(parameters: tuple[Tensor, ...]) -> bool:
    """Whether alpha, beta or v_threshold differ between columns."""
    alpha, beta, v_threshold = parameters  # spelled out: this runs several times a call
    return alpha.numel() > 1 or beta.numel() > 1 or v_threshold.numel() > 1


def _prepare(
    x: Tensor, parameters: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Broadcast, ...], bool]:
    """Dense frames of x, alpha, beta and v_threshold beside them, whether those vary."""
    frames = time_outermost(x)
    shape, strides = frames.shape[1:], frames.stride()[1:]
    return (
        frames,
        tuple(broadcast(p, shape, strides) for p in parameters),
        varied_by_column(parameters),
    )


def _call(
    frames: Tensor, spread: tuple[Broadcast, ...], k: Tensor | None, step: Step, most: int
) -> cpu_call.Call:
    """What forward and backward are told alike. `most`: columns of a block."""
    known = _known(frames.shape, frames.element_size(), step, most, torch.get_num_threads())
    call = cpu_call.Call.from_buffer_copy(known)
    call.x, call.x_stride = frames.data_ptr(), frames.stride(0)
    cpu_call.point(call, spread)
    if k is not None:
        call.constants.k = k.item()
    return call


@functools.lru_cache(maxsize=256)
def _known(
    shape: torch.Size, element_size: int, step: Step, most: int, threads: int
) -> cpu_call.Call:
    """What stays the same from call to call; pointers and k come with the call."""
    columns = math.prod(shape[1:])
    block, threads = _split(columns, shape[0] * columns, most, threads)
    return cpu_call.Call(
        time_steps=shape[0],
        columns=columns,
        block=block,
        threads=threads,
        stream=_streams(columns * element_size, shape[0]),
        constants=cpu_call.constants(step, k=None),
    )


def _split(columns: int, elements: int, most: int, threads: int) -> tuple[int, int]:
    """Columns of a block, in whole cache lines, and how many of the threads take part."""
    threads = threads if elements >= PARALLEL_FROM else 1
    share = -(-columns // (threads * LINE)) * LINE
    block = max(LINE, min(share, most // LINE * LINE, BLOCK))
    return block, max(1, min(threads, -(-columns // block)))


def _streams(row_bytes: int, rows: int) -> bool:
    """Whether results go past the caches: they are large, and every row starts a cache line."""
    return row_bytes * rows >= STREAM_FROM and row_bytes % 64 == 0
