"""A network as it is called: a private copy of the module, and its inputs in any nest."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from liafbench.baselines.errors import UsageError


def private_copy(module: nn.Module) -> nn.Module:
    """A deep copy in evaluation; the caller's parameters, statistics, state and hooks stay."""
    if not isinstance(module, nn.Module):
        raise UsageError(f"can only count an nn.Module, not {type(module).__name__}")
    if isinstance(module, torch.jit.ScriptModule):
        raise UsageError(
            "a scripted module hides its operators; count the module that it was scripted from"
        )
    lazy = [name for name, p in module.named_parameters() if is_lazy(p)]
    if lazy:
        raise UsageError(f"parameter {lazy[0]!r} has no shape yet; call the module once first")
    # torch copies no tensor in the middle of a graph: pruned weights, state of an earlier call.
    held = [t for m in module.modules() for t in pytree.tree_leaves(dict(vars(m)))]
    memo = {
        id(t): t.detach().clone()
        for t in held
        if isinstance(t, Tensor) and t.requires_grad and not t.is_leaf
    }
    try:
        copied = copy.deepcopy(module, memo)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"cannot copy {type(module).__name__} to count it: {reason} (reset the state that it "
            "keeps from an earlier call, e.g. with its reset(), and count again)"
        ) from error
    copied = _uncompiled(copied).eval()
    return copied.cpu() if any(p.is_cuda for p in copied.parameters()) else copied


def _uncompiled(module: nn.Module) -> nn.Module:
    """What torch.compile wraps, in the module and below it: the tracer cannot see into it."""
    for parent in list(module.modules()):
        for name, child in list(parent._modules.items()):
            if (below := getattr(child, "_orig_mod", None)) is not None:
                setattr(parent, name, below)
    inner = getattr(module, "_orig_mod", module)
    assert isinstance(inner, nn.Module)
    return inner


class Snapshot:
    """What a network keeps from call to call, so that every sample finds it the same."""

    def __init__(self, net: nn.Module) -> None:
        self._kept = []
        for module in net.modules():
            own = {k: v for k, v in vars(module).items() if k not in ("_parameters", "_modules")}
            nested = {k: copy.copy(v) for k, v in own.items() if isinstance(v, dict | list)}
            tensors = [t for t in pytree.tree_leaves(own) if isinstance(t, Tensor)]
            values = [(t, t.detach().clone()) for t in tensors]
            self._kept.append((module, own, nested, values))

    def restore(self) -> None:
        """Buffers, attributes and the content of dicts and lists as they were."""
        for module, own, nested, values in self._kept:
            vars(module).update(own)
            for name, content in nested.items():
                held = own[name]
                held.clear()
                held.update(content) if isinstance(held, dict) else held.extend(content)
            with torch.no_grad():
                for tensor, value in values:
                    tensor.copy_(value)


class Inputs:
    """Inputs of one call: tensors, and how they fit into the arguments of `module`.

    A tuple is the positional arguments, a mapping whose keys are all names of arguments of
    `forward` the keyword arguments; anything else is the one argument.
    """

    def __init__(self, module: nn.Module, inputs: Any) -> None:
        args, kwargs = _arguments(module, inputs)
        leaves, self._spec = pytree.tree_flatten((args, kwargs))
        self._leaves = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        self._places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
        found = [leaves[i].detach() for i in self._places]
        self.tensors = tuple(t if t.is_meta else t.cpu() for t in found)
        if not self.tensors:
            raise UsageError(f"the inputs of {type(module).__name__} hold no tensor")

    @property
    def meta(self) -> bool:
        """Whether there are shapes only."""
        return any(t.is_meta for t in self.tensors)

    def call(self, module: nn.Module, tensors: tuple[Tensor, ...]) -> list[Tensor]:
        """Calls the module with `tensors` in their places; the tensors it returns."""
        leaves = list(self._leaves)
        for place, tensor in zip(self._places, tensors, strict=True):
            leaves[place] = tensor
        args, kwargs = pytree.tree_unflatten(leaves, self._spec)
        output = module(*args, **kwargs)
        return [t for t in pytree.tree_leaves(output) if isinstance(t, Tensor)]


def _arguments(module: nn.Module, inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, tuple) and not hasattr(inputs, "_fields"):
        return inputs, {}
    if isinstance(inputs, Mapping):
        accepted = inspect.signature(module.forward).parameters
        if inputs and all(name in accepted for name in inputs):
            return (), dict(inputs)
    return (inputs,), {}


@contextmanager
def quiet_run() -> Iterator[None]:
    """No gradients, composite operators whole, attention in operators."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


Caller = Callable[[nn.Module, tuple[Tensor, ...]], list[Tensor]]
