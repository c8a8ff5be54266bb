"""Average pooling that does not hold up a training step on a CPU: `liafbench::average_pool`."""

from __future__ import annotations

import ctypes
import functools
from ctypes import POINTER, c_int64, c_void_p
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, library, nn

from liafbench.baselines.neurons.kernels import cpu_build, forced
from liafbench.baselines.neurons.kernels.cpu import PARALLEL_FROM
from liafbench.baselines.neurons.kernels.cpu_call import VALUES
from liafbench.baselines.neurons.kernels.fallback import stands_aside

LEAST = 32 * 1024
"""Elements from which forward and back are faster than PyTorch's: 0.97 [0.94, 0.99] times as fast
at half as many, 1.47 [1.44, 1.49] times here (15 rounds, one thread, EPYC with AVX-512)."""


class AveragePool2x2(nn.AvgPool2d):
    """AvgPool2d(2), bit by bit; compiled where gradients are wanted of large frames on a CPU.

    PyTorch's own takes as long as a convolution there. Only training takes the compiled way:
    a trace or count in evaluation mode sees the operator of PyTorch.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C, H // 2, W // 2]."""
        # torch.compile fuses its own pooling; torch.func knows the derivatives of that alone.
        if self.training and x.requires_grad and not _transformed() and serves(x):
            return _pooling(x)
        return super().forward(x)


def _transformed() -> bool:
    """Whether torch.compile or a transform of torch.func is at work."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


def serves(x: Tensor) -> bool:
    """Whether the compiled pooling takes these frames; on the meta device, whether it would.

    There frames of any size are served, so that what a step keeps grows evenly with its frames.
    """
    if x.dtype not in VALUES or x.dim() != 4 or min(x.shape[2:]) < 2:
        return False
    if not x.is_contiguous() and not x.is_contiguous(memory_format=torch.channels_last):
        return False
    if x.is_meta:
        return True
    if not x.is_cpu or x.numel() < LEAST or forced() not in (None, "cpu"):
        return False
    try:
        _library(x.dtype)
    except cpu_build.Unavailable as reason:
        stands_aside(f"average pooling is left to PyTorch: {reason}")
        return False
    return True


class _Pooling(ctypes.Structure):
    """The struct of the same name in average_pool.cpp, field by field."""

    _fields_ = [
        *((name, c_void_p) for name in ("source", "target")),
        *((name, c_int64) for name in ("planes", "height", "width", "depth", "threads")),
    ]


def _library(dtype: torch.dtype) -> ctypes.CDLL:
    macros = (f"VALUE={VALUES[dtype]}",)
    functions = ("size_of_pooling", "average_pool", "average_pool_back")
    return _checked(cpu_build.load("average_pool.cpp", macros, *functions))


@functools.cache
def _checked(compiled: ctypes.CDLL) -> ctypes.CDLL:
    compiled.size_of_pooling.restype = c_int64
    if compiled.size_of_pooling() != ctypes.sizeof(_Pooling):
        raise AssertionError("_Pooling and the struct in average_pool.cpp differ")
    for name in ("average_pool", "average_pool_back"):
        getattr(compiled, name).argtypes = [POINTER(_Pooling)]
        getattr(compiled, name).restype = None
    return compiled


def _layout(x: Tensor) -> torch.memory_format:
    return torch.contiguous_format if x.is_contiguous() else torch.channels_last


def _empty(like: Tensor, height: int, width: int, layout: torch.memory_format) -> Tensor:
    shape = (*like.shape[:2], height, width)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)


def _call(source: Tensor, target: Tensor, frames: Tensor) -> _Pooling:
    """`frames`: whichever of both is not pooled."""
    samples, channels, height, width = frames.shape
    contiguous = _layout(frames) is torch.contiguous_format
    return _Pooling(
        source=source.data_ptr(),
        target=target.data_ptr(),
        planes=samples * channels if contiguous else samples,
        height=height,
        width=width,
        depth=1 if contiguous else channels,
        threads=torch.get_num_threads() if frames.numel() >= PARALLEL_FROM else 1,
    )


def _pool(x: Tensor) -> Tensor:
    if not serves(x):
        return F.avg_pool2d(x, 2)
    y = _empty_pooled(x)
    _library(x.dtype).average_pool(_call(x, y, x))
    return y


def _empty_pooled(x: Tensor) -> Tensor:
    return _empty(x, x.shape[2] // 2, x.shape[3] // 2, _layout(x))


def _pool_back(grad_y: Tensor, height: int, width: int, channels_last: bool) -> Tensor:
    grad_x = _empty_frames(grad_y, height, width, channels_last)
    grad_y = grad_y.contiguous(memory_format=_layout(grad_x))
    if not serves(grad_x):
        window = [2, 2], [2, 2], [0, 0], False, True, None
        return torch.ops.aten.avg_pool2d_backward(grad_y, grad_x, *window)
    _library(grad_y.dtype).average_pool_back(_call(grad_y, grad_x, grad_x))
    return grad_x


def _empty_frames(grad_y: Tensor, height: int, width: int, channels_last: bool) -> Tensor:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return _empty(grad_y, height, width, layout)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    (x,) = inputs
    ctx.frame = (*x.shape[2:], _layout(x) is torch.channels_last)


def _back(ctx: Any, grad_y: Tensor) -> Tensor:
    return _pooling_back(grad_y, *ctx.frame)


def _back_again(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """The map is linear: what pools is the derivative of what spreads."""
    return _pooling(grad), None, None, None


_operators = library.Library("liafbench", "FRAGMENT")


def _define(name: str, arguments: str, compute: Any, fake: Any) -> None:
    _operators.define(f"{name}({arguments}) -> Tensor", tags=torch.Tag.pt2_compliant_tag)
    _operators.impl(name, compute, "CPU")
    library.register_fake(f"liafbench::{name}", fake, lib=_operators)


_define("average_pool", "Tensor x", _pool, _empty_pooled)
_define(
    "average_pool_backward",
    "Tensor grad_y, SymInt height, SymInt width, bool channels_last",
    _pool_back,
    _empty_frames,
)
library.register_autograd("liafbench::average_pool", _back, setup_context=_setup, lib=_operators)
library.register_autograd("liafbench::average_pool_backward", _back_again, lib=_operators)
_pooling = torch.ops.liafbench.average_pool.default
_pooling_back = torch.ops.liafbench.average_pool_backward.default
