"""Runs on shapes alone.

On meta tensors there are the shapes of what depends on the input and no values. What does not
depend on it (weights, masks) keeps its device and its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from liafbench.bench.counting.geometry import listed, pads_of
from liafbench.bench.counting.tensor_info import tensors_in

aten = torch.ops.aten
_CONVOLUTIONS = {torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}
_TRANSPOSED = {torch.conv_transpose1d: 1, torch.conv_transpose2d: 2, torch.conv_transpose3d: 3}


@contextmanager
def shapes_only() -> Iterator[None]:
    """Inside, a module called on meta tensors runs on shapes, also while it is traced."""
    with _Traceable(), _Meta():
        yield


def on_meta(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Calls an operator with all tensors on meta if one of them is there."""
    if any(t.is_meta for t in tensors_in((args, kwargs))):
        args, kwargs = pytree.tree_map_only(Tensor, lambda t: t.to("meta"), (args, kwargs))
        if "device" in kwargs and kwargs["device"] is not None:
            kwargs = {**kwargs, "device": torch.device("meta")}
    return func(*args, **kwargs)


class _Meta(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is aten._convolution.default:
            func, args = aten.convolution.default, args[:9]
        return on_meta(func, args, kwargs or {})


class _Traceable(TorchFunctionMode):
    """The tracer does not record torch.conv2d but what it calls, which no mode can run on meta."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _CONVOLUTIONS:
            return _plain(_CONVOLUTIONS[func], *args, **kwargs)
        if func in _TRANSPOSED:
            return _transposed(_TRANSPOSED[func], *args, **kwargs)
        return func(*args, **kwargs)


def _plain(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    pads = pads_of(padding, [int(k) for k in weight.shape[2:]], listed(dilation, dims))
    if any(before != after for before, after in pads):
        input = torch.nn.functional.pad(input, [p for pair in reversed(pads) for p in pair])
        pads = ((0, 0),) * dims
    padding = [before for before, _ in pads]
    return _record(dims, input, weight, bias, stride, padding, dilation, False, 0, groups)


def _transposed(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    return _record(
        dims, input, weight, bias, stride, padding, dilation, True, output_padding, groups
    )


def _record(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Tensor:
    single = input.dim() == dims + 1
    sizes = [list(listed(v, dims)) for v in (stride, padding, dilation, output_padding)]
    convolution: Any = torch._convolution
    result = convolution(
        input.unsqueeze(0) if single else input,
        weight,
        bias,
        *sizes[:3],
        transposed,
        sizes[3],
        int(groups),
        False,
        False,
        False,
        False,
    )
    return result.squeeze(0) if single else result
