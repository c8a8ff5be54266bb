"""The fused GPU kernel, in Triton: potential in registers, all time steps in one program."""

from __future__ import annotations

import functools
import importlib.util
import math
from typing import Any

import torch
from torch import Tensor

from liafbench.baselines.neurons.kernels.layout import (
    SHARED,
    Spread,
    empty_frames,
    laid_out_like,
    spread,
    time_outermost,
    with_frame_strides,
)
from liafbench.baselines.neurons.kernels.protocol import Gradients, Needs
from liafbench.baselines.neurons.step import Step

BLOCK = 512  # columns of a program
CHUNK = 8  # time steps recomputed into registers at once
# Without fused multiply-add the potential rounds as in the definition: spikes are the same.
LAUNCH: dict[str, Any] = {"num_warps": 4, "enable_fp_fusion": False}
MOST_COLUMNS = 2**31 // (2 * CHUNK)  # offsets within a chunk are 32 bits wide
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


class Triton:
    """Serves float32, bfloat16 and float16 on a GPU; the state is float32."""

    name = "triton"

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        if x.device.type != "cuda":
            return f"x is on {x.device.type}"
        if importlib.util.find_spec("triton") is None:
            return "triton is not installed"
        if x.dtype not in DTYPES:
            return f"x is {str(x.dtype).removeprefix('torch.')}, not a type of at most 32 bits"
        if x[0].numel() >= MOST_COLUMNS:
            return f"a time step has {x[0].numel()} values, more than {MOST_COLUMNS}"
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
        from liafbench.baselines.neurons.kernels import triton_loops

        frames = time_outermost(x)
        y = empty_frames(frames)
        columns = _columns(frames)
        if columns:
            given = _Given(frames, (alpha, beta, v_threshold), k, step)
            triton_loops.forward[(_programs(columns),)](
                frames,
                y,
                *given.pointers,
                len(frames),
                columns,
                frames.stride(0),
                *given.scalars,
                **_flags(step),
                BLOCK=BLOCK,
                **LAUNCH,
            )
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
        frames = time_outermost(x)
        grad_y = with_frame_strides(grad_y.to(x.dtype), frames.stride()[1:])
        grad_x = empty_frames(frames) if needs[0] else None
        given = _Given(frames, (alpha, beta, v_threshold), k, step)
        sums = _launch_backward(frames, grad_y, grad_x, given, step, needs)
        of_alpha, of_beta, of_threshold, of_k = (
            None if total is None or p is None else b.gradient(_per_value(total, b), p)
            for b, total, p in zip(
                (*given.spread, SHARED), sums, (alpha, beta, v_threshold, k), strict=True
            )
        )
        of_x = None if grad_x is None else laid_out_like(x, grad_x)
        return of_x, of_alpha, of_beta, of_threshold, of_k


class _Given:
    """Parameters and constants in the order of both kernels' arguments."""

    def __init__(
        self, frames: Tensor, parameters: tuple[Tensor, ...], k: Tensor | None, step: Step
    ) -> None:
        shape, strides = tuple(frames.shape[1:]), frames.stride()[1:]
        self.spread = tuple(spread(tuple(p.shape), shape, strides) for p in parameters)
        of_k = torch.ones((), device=frames.device) if k is None else k.detach().float()
        values = (b.values(p) for b, p in zip(self.spread, parameters, strict=True))
        self.pointers = (*values, of_k)
        periods = [n for b in self.spread for n in (b.period, b.inner)]
        self.scalars = (*periods, step.gain, step.rest, step.width, step.slope)


def _launch_backward(
    frames: Tensor,
    grad_y: Tensor,
    grad_x: Tensor | None,
    given: _Given,
    step: Step,
    needs: Needs,
) -> list[Tensor | None]:
    """The sums of the parameters' gradients: a value a column, for k one a program, in double."""
    from liafbench.baselines.neurons.kernels import triton_loops

    columns, chunks = _columns(frames), -(-len(frames) // CHUNK)
    programs = _programs(columns)
    checkpoints = frames.new_empty(max(chunks - 1, 1) * columns, dtype=torch.float32)
    sizes = (columns, columns, columns, programs)
    sums = [
        frames.new_zeros(size, dtype=torch.float64) if wanted else None
        for size, wanted in zip(sizes, needs[1:], strict=True)
    ]
    if columns == 0 or chunks == 0:
        return sums
    last = (chunks - 1) * CHUNK
    triton_loops.backward[(programs,)](
        frames,
        grad_y,
        # A pointer that is not wanted is not followed.
        frames if grad_x is None else grad_x,
        checkpoints,
        *(checkpoints if total is None else total for total in sums),
        *given.pointers,
        len(frames),
        chunks,
        columns,
        frames.stride(0),
        grad_y.stride(0),
        last * frames.stride(0),
        last * grad_y.stride(0),
        last * columns,
        *given.scalars,
        **_flags(step),
        SURROGATE=step.surrogate,
        DETACH=step.detach_reset,
        **dict(zip(_WANTED, needs, strict=True)),
        CHUNK=CHUNK,
        BLOCK=BLOCK,
        **LAUNCH,
    )
    return sums


_WANTED = ("WANT_X", "WANT_ALPHA", "WANT_BETA", "WANT_THRESHOLD", "WANT_K")


@functools.lru_cache
def _flags(step: Step) -> dict[str, Any]:
    return {
        "OUTPUT": step.output,
        "RELATED": step.output != "spike" and step.threshold_related,
        "SOFT": step.v_reset is None,
        "KLIF": step.klif,
        "SCALE": step.klif and step.scale_reset,
    }


def _per_value(per_column: Tensor, b: Spread) -> Tensor:
    """Sums by column (or by program) -> [period]."""
    if b.period == 1:
        return per_column.sum().reshape(1)
    return per_column.reshape(-1, b.period, b.inner).sum((0, 2))


def _columns(frames: Tensor) -> int:
    return math.prod(frames.shape[1:])


def _programs(columns: int) -> int:
    return -(-columns // BLOCK)
