"""How tensors lie in memory, as the fused kernels see them: time steps times columns.

They walk the columns of a time step in memory order, whatever the order of the dimensions
(contiguous, channels_last, ...), so a parameter needs its own index into that order.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import torch
from torch import Tensor


def time_outermost(x: Tensor) -> Tensor:
    """`x` itself, or a copy, whose frames x[t] are dense and lie in the order of `empty_like(x)`.

    Any distance between frames is kept: one frame expanded over time is not copied.
    """
    if x.is_contiguous():
        return x
    strides = torch.empty_like(x, device="meta").stride()
    if strides[0] != math.prod(x.shape[1:]):
        return x.contiguous()
    return with_frame_strides(x, strides[1:])


def with_frame_strides(x: Tensor, strides: tuple[int, ...]) -> Tensor:
    """`x` itself, or a copy, whose frames x[t] have these strides."""
    if x.stride()[1:] == strides:
        return x
    return _empty(x, strides).copy_(x)


def empty_frames(frames: Tensor) -> Tensor:
    """An uninitialised tensor like `frames` without gaps between the time steps."""
    return _empty(frames, frames.stride()[1:])


def laid_out_like(x: Tensor, result: Tensor) -> Tensor:
    """`result`, or a copy, with the strides of `torch.empty_like(x)`."""
    if x.is_contiguous() or x.stride() == result.stride():
        return result
    wanted = torch.empty_like(x, device="meta").stride()
    if wanted == result.stride():
        return result
    return torch.empty_like(x).copy_(result)


def _empty(x: Tensor, frame_strides: tuple[int, ...]) -> Tensor:
    return x.new_empty_strided(x.shape, (math.prod(x.shape[1:]), *frame_strides))


class Spread(NamedTuple):
    """How a parameter lies over the columns: value number (column // inner) % period."""

    period: int
    inner: int
    order: tuple[int, ...]  # the frame's dimensions, outermost in memory first; shared: none
    sizes: tuple[int, ...]  # of the values, in that order

    def values(self, parameter: Tensor) -> Tensor:
        """The parameter in float32, `period` values one after the other."""
        if not self.order:
            single = parameter.dtype is torch.float32  # even an idle `to` costs a call
            return parameter if single else parameter.to(torch.float32)
        values = parameter.detach().to(torch.float32)
        padded = values[(None,) * (len(self.order) - values.dim())].permute(self.order)
        return padded.expand(self.sizes).contiguous()

    def gradient(self, per_value: Tensor, parameter: Tensor) -> Tensor:
        """[..., period] in double -> the gradient of the parameter, in its shape and dtype."""
        total = per_value.reshape(-1, self.period).sum(0)
        if not self.order:
            return total.reshape(parameter.shape).to(parameter.dtype)
        back = sorted(range(len(self.order)), key=self.order.__getitem__)
        by_dimension = total.reshape(self.sizes).permute(back)
        return by_dimension.sum_to_size(parameter.shape).to(parameter.dtype)


SHARED = Spread(1, 1, (), ())


@functools.lru_cache(maxsize=1024)
def spread(given: tuple[int, ...], shape: tuple[int, ...], strides: tuple[int, ...]) -> Spread:
    """A parameter of the shape `given` beside frames of this shape and these strides.

    RuntimeError where it does not broadcast against them.
    """
    if math.prod(given) == 1:
        return SHARED
    sides = zip(reversed(given), reversed(shape), strict=False)
    if 0 in given or len(given) > len(shape) or any(n not in (1, m) for n, m in sides):
        raise RuntimeError(f"a parameter of shape {given} beside frames of shape {tuple(shape)}")
    order = tuple(sorted(range(len(shape)), key=lambda d: (-strides[d], d)))
    padded = (1,) * (len(shape) - len(given)) + given
    varying = [i for i, d in enumerate(order) if padded[d] > 1]
    first, last = varying[0], varying[-1]
    sizes = tuple(shape[d] if first <= i <= last else 1 for i, d in enumerate(order))
    inner = math.prod(shape[d] for d in order[last + 1 :])
    return Spread(math.prod(sizes), inner, order, sizes)
