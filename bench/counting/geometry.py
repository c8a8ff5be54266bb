"""How a convolution connects positions: in-bounds taps and the fan-out of every input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Geometry:
    """Spatial geometry of a convolution. `padding` is (before, after) for every axis.

    A transposed one is the plain convolution from its output (`outputs`) to its input (`inputs`)
    with the arrows turned round.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    groups: int
    transposed: bool

    def connections(self, axis: int, tap: int) -> list[tuple[int, int]]:
        """The in-bounds (input, output) positions that a tap of the kernel joins on an axis."""
        near, far = self.inputs[axis], self.outputs[axis]
        if self.transposed:
            near, far = far, near
        pairs = []
        for y in range(far):
            x = y * self.stride[axis] + tap * self.dilation[axis] - self.padding[axis][0]
            if 0 <= x < near:
                pairs.append((y, x) if self.transposed else (x, y))
        return pairs

    def in_bounds(self, axis: int) -> Tensor:
        """Number of in-bounds connections of every tap on an axis; float64 [kernel]."""
        counts = [len(self.connections(axis, tap)) for tap in range(self.kernel[axis])]
        return torch.tensor(counts, dtype=torch.float64)

    def reach(self, axis: int) -> Tensor:
        """How often an input is joined by a tap on an axis; float64 [input, kernel]."""
        counts = torch.zeros(self.inputs[axis], self.kernel[axis], dtype=torch.float64)
        for tap in range(self.kernel[axis]):
            for x, _ in self.connections(axis, tap):
                counts[x, tap] += 1
        return counts

    def synapses(self, taps: Tensor, temporal: bool) -> int:
        """In-bounds connections of a kernel with `taps` [*kernel] non-zero weights at each place.

        `temporal`: the first spatial axis is time; its taps count once each.
        """
        for axis in reversed(range(len(self.kernel))):
            if temporal and axis == 0:
                bounds = torch.ones(self.kernel[0], dtype=torch.float64)
            else:
                bounds = self.in_bounds(axis)
            taps = taps @ bounds
        return int(taps.item())

    def fan_out(self, present: Tensor) -> Tensor:
        """In-bounds non-zero connections that leave every input; float64 [channels, *inputs]."""
        weights = present.double()
        if self.transposed:  # [in, out / groups, *kernel]
            kernels = weights.sum(1)
        else:  # [out, in / groups, *kernel]
            each = weights.unflatten(0, (self.groups, -1)).sum(1)
            kernels = each.flatten(0, 1)
        for axis in range(len(self.kernel)):
            # The kernel axis in front of the others gives way to the input axis at the end.
            kernels = torch.tensordot(kernels, self.reach(axis), dims=([1], [1]))
        return kernels


def listed(value: Any, dims: int) -> tuple[int, ...]:
    """One number for every axis, from one number or one per axis."""
    listed = [value] if isinstance(value, int) else [int(v) for v in value]
    return tuple(listed * dims if len(listed) == 1 else listed)


def adaptive_windows(size: int, outputs: int) -> list[int]:
    """Window lengths of adaptive pooling along one axis."""
    return [-(-(i + 1) * size // outputs) - i * size // outputs for i in range(outputs)]


@dataclass(frozen=True)
class Convolution:
    """The arguments of any convolution operator in one form."""

    x: Any
    weight: Any
    stride: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    transposed: bool
    groups: int

    @classmethod
    def read(cls, name: str, args: Sequence[Any]) -> Convolution:
        """From the positional arguments of a convolution operator called `name`."""
        x, weight = args[0], args[1]
        dims = len(weight.shape) - 2
        if name in ("_convolution", "convolution"):
            stride, padding, dilation, transposed, _, groups = args[3:9]
        elif name.startswith("conv_transpose"):
            stride, padding, _, groups, dilation = args[3:8]
            transposed = True
        else:
            stride, padding, dilation, groups = args[3:7]
            transposed = False
        spread = listed(dilation, dims)
        pads = pads_of(padding, weight.shape[2:], spread)
        return cls(x, weight, listed(stride, dims), pads, spread, bool(transposed), groups)

    def geometry(self, out_shape: Sequence[int], extra: Pads = ()) -> Geometry:
        """Positions of one frame; `extra`: zeros already put around x, no inputs of their own."""
        dims = len(self.weight.shape) - 2
        inputs = tuple(self.x.shape[-dims:])
        padding = self.padding
        if extra:
            inputs = tuple(n - a - b for n, (a, b) in zip(inputs, extra, strict=True))
            padding = tuple((p + a, q + b) for (p, q), (a, b) in zip(padding, extra, strict=True))
        return Geometry(
            inputs,
            tuple(out_shape[-dims:]),
            tuple(self.weight.shape[2:]),
            self.stride,
            padding,
            self.dilation,
            self.groups,
            self.transposed,
        )

    def frames(self) -> int:
        """Size of the batch; an unbatched input is one."""
        dims = len(self.weight.shape) - 2
        return prod(self.x.shape[: -dims - 1])


def pads_of(padding: Any, kernel: Sequence[int], dilation: tuple[int, ...]) -> Pads:
    """Zeros before and after every axis of a convolution's input, also for "same" and "valid"."""
    if padding == "valid":
        return tuple((0, 0) for _ in kernel)
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple((p, p) for p in listed(padding, len(kernel)))
