"""Average pooling that does not hold up a training step on a CPU."""

from __future__ import annotations

import ctypes
import functools
from ctypes import POINTER, c_int64, c_void_p
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from baselines.neurons.kernels import cpu_build
from baselines.neurons.kernels.cpu_call import VALUES
from baselines.neurons.kernels.fallback import stands_aside

LEAST = 32 * 1024  # elements: what a call costs is then less than it saves


class AveragePool2x2(nn.AvgPool2d):
    """AvgPool2d(2), bit by bit; compiled where gradients are wanted of large frames on a CPU.

    PyTorch's own takes as long as a convolution there. Only training takes the compiled way:
    whoever traces or counts a network in evaluation mode sees the operator of PyTorch.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, C, H // 2, W // 2]."""
        if self.training and x.requires_grad and not torch.compiler.is_compiling() and serves(x):
            pooled: Tensor = _AveragePool.apply(x)
            return pooled
        return super().forward(x)


def serves(x: Tensor) -> bool:
    """Whether the compiled pooling takes these frames."""
    if x.device.type != "cpu" or x.dtype not in VALUES or x.dim() != 4 or x.numel() < LEAST:
        return False
    if min(x.shape[2:]) < 2:
        return False
    if not x.is_contiguous() and not x.is_contiguous(memory_format=torch.channels_last):
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


class _AveragePool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape, ctx.layout = x.shape, _layout(x)
        pooled = (*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2)
        y = torch.empty(pooled, dtype=x.dtype, memory_format=ctx.layout)
        _library(x.dtype).average_pool(_call(x, y, x))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor) -> Tensor:
        grad_y = grad_y.contiguous(memory_format=ctx.layout)
        grad_x = torch.empty(ctx.shape, dtype=grad_y.dtype, memory_format=ctx.layout)
        _library(grad_y.dtype).average_pool_back(_call(grad_y, grad_x, grad_x))
        return grad_x


def _layout(x: Tensor) -> torch.memory_format:
    return torch.contiguous_format if x.is_contiguous() else torch.channels_last


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
        threads=torch.get_num_threads(),
    )


@functools.cache
def _library(dtype: torch.dtype) -> ctypes.CDLL:
    library = cpu_build.load("average_pool.cpp", (f"VALUE={VALUES[dtype]}",))
    library.size_of_pooling.restype = c_int64
    if library.size_of_pooling() != ctypes.sizeof(_Pooling):
        raise AssertionError("_Pooling and the struct in average_pool.cpp differ")
    for name in ("average_pool", "average_pool_back"):
        getattr(library, name).argtypes = [POINTER(_Pooling)]
        getattr(library, name).restype = None
    return library
