"""The memory limit of a neuron: its bytes streamed once, in the same round as the contenders."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from liafbench.baselines.neurons.kernels import cpu_build

FORWARD_BYTES = 8  # an element: x read, y written
TRAINING_BYTES = 20  # and in the backward x and dL/dy read, dL/dx written
SOURCE = Path(__file__).parent / "stream.cpp"


class MemoryLimit:
    """Streams x, grad_y and a result of their size; no allocation, no arithmetic to speak of.

    On the CPU compiled code with stores past the cache; without a compiler, and on a GPU,
    `copy_` and `add`, and `name` says so.
    """

    def __init__(self, x: Tensor, grad_y: Tensor) -> None:
        self.x, self.grad_y, self.result = x, grad_y, torch.zeros_like(x)
        self.name = "streamed by compiled code"
        try:
            if x.device.type != "cpu":
                raise cpu_build.Unavailable("not a CPU")
            self._library: ctypes.CDLL | None = cpu_build.load(str(SOURCE), ())
        except cpu_build.Unavailable:
            self._library = None
            self.name = "torch.copy_ and torch.add"

    def contender(self, train: bool) -> Callable[[], None]:
        return self.training if train else self.forward

    def forward(self) -> None:
        """8 bytes an element."""
        if self._library is None:
            self.result.copy_(self.x)
        else:
            self._library.read_write(*self._pointers(self.x, self.result), *self._sizes())

    def training(self) -> None:
        """20 bytes an element."""
        self.forward()
        if self._library is None:
            torch.add(self.x, self.grad_y, out=self.result)
        else:
            tensors = (self.x, self.grad_y, self.result)
            self._library.read_read_write(*self._pointers(*tensors), *self._sizes())

    def _pointers(self, *tensors: Tensor) -> tuple[ctypes.c_void_p, ...]:
        return tuple(ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors)

    def _sizes(self) -> tuple[ctypes.c_int64, ctypes.c_int64]:
        return ctypes.c_int64(self.x.numel()), ctypes.c_int64(torch.get_num_threads())
