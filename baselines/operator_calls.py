"""Operators of this library, called by a layer in eager mode with little around them.

In a network every line of Python runs from cold caches: what PyTorch wraps around an operator
written in Python, once to differentiate and once to dispatch it, takes longer there than many a
layer computes. So ordinary tensors in ordinary circumstances pass an operator by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C import DispatchKey, DispatchKeySet
from torch._ops import OpOverload
from torch.nn import Parameter


def transformed() -> bool:
    """Whether torch.compile or torch.func reads along."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


def _keys(*keys: DispatchKey) -> int:
    joined = DispatchKeySet(keys[0])
    for key in keys[1:]:
        joined = joined | DispatchKeySet(key)
    return joined.raw_repr()


_K = DispatchKey
_DIFFERENTIABLE = _K.ADInplaceOrView  # not there in inference mode
_PLAIN_TENSORS = {
    keys
    for device, autocast, autograd in (
        (_K.CPU, _K.AutocastCPU, _K.AutogradCPU),
        (_K.CUDA, _K.AutocastCUDA, _K.AutogradCUDA),
    )
    for keys in (_keys(device, autocast), _keys(device, autocast, autograd, _DIFFERENTIABLE))
}
_PLAIN_THREAD = {_keys(_K.BackendSelect), _keys(_K.BackendSelect, _DIFFERENTIABLE)}


def observed(inputs: tuple[Any, ...]) -> bool:
    """Whether an operator called on these inputs would do more than compute and differentiate.

    So it does where modes (counters, fake tensors), transforms, tracers or profilers look on, and
    for tensors that are not plainly values in memory: subclasses, those of the meta device,
    batches of vmap, lazy negatives. What is not known to be harmless counts. Each question costs
    microseconds from cold caches: transforms and tracers of PyTorch show in the thread's keys.
    """
    if (
        torch.compiler.is_dynamo_compiling()
        or torch._C._dispatch_tls_local_include_set().raw_repr() not in _PLAIN_THREAD
        or torch._C._len_torch_function_stack() > 0
        or torch._C._autograd._profiler_enabled()
    ):
        return True
    for value in inputs:
        kind = type(value)
        if kind is Tensor or kind is Parameter:
            if torch._C._dispatch_keys(value).raw_repr() not in _PLAIN_TENSORS:
                return True
        elif isinstance(value, Tensor):
            return True
    return False


def directly(operator: OpOverload, compute: Callable[..., Any]) -> Callable[..., Any]:
    """The operator as a function: `compute`, which it is made of, where nobody observes it.

    With gradients on, it is the operator, whose derivative is registered or refused.
    """

    def call(*inputs: Any) -> Any:
        if torch.is_grad_enabled() or observed(inputs):
            return operator(*inputs)
        return compute(*inputs)

    return call


def differentiably(
    operator: OpOverload,
    compute: Callable[..., Tensor],
    setup: Callable[[Any, tuple[Any, ...], Tensor], None],
    back: Callable[..., Any],
) -> Callable[..., Tensor]:
    """The operator as a function with a gradient: where nobody observes it, `compute` in an own
    `torch.autograd.Function`. `setup` and `back` are what was given to `register_autograd`.
    """

    def forward(ctx: Any, *inputs: Any) -> Tensor:
        output = compute(*inputs)
        setup(ctx, inputs, output)
        return output

    members = {"forward": staticmethod(forward), "backward": staticmethod(back)}
    function: Any = type(f"{operator._opname}_", (torch.autograd.Function,), members)
    # Past what Function.apply does for torch.func, which counts as an observer.
    apply: Callable[..., Tensor] = super(torch.autograd.Function, function).apply

    def call(*inputs: Any) -> Tensor:
        if observed(inputs):
            output: Tensor = operator(*inputs)
            return output
        return apply(*inputs) if torch.is_grad_enabled() else compute(*inputs)

    return call
