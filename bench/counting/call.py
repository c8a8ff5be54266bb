"""A network as it is called: a private copy, and its inputs in any nest."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from liafbench.baselines.errors import UsageError
from liafbench.bench.counting.errors import UncountableError, first_line
from liafbench.bench.counting.tensor_info import tensors_in


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
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.layout != torch.strided:
            raise UncountableError(
                f"{name!r} is a sparse tensor, whose operations are not counted; make it dense"
            )
    copied = _copied(module)
    copied = _uncompiled(copied).eval()
    return copied.cpu() if any(p.is_cuda for p in copied.parameters()) else copied


def _copied(module: nn.Module) -> nn.Module:
    # torch copies no tensor in the middle of a graph: pruned weights, state of an earlier call.
    held = [t for m in module.modules() for t in tensors_in(dict(vars(m)))]
    memo: dict[int, Any] = {
        id(t): t.detach().clone() for t in held if t.requires_grad and not t.is_leaf
    }
    try:
        return _deep_copy(module, dict(memo))
    except Exception:  # noqa: BLE001 - a lock, a file, a generator, what has its own idea of copies
        for value in (v for m in module.modules() for v in vars(m).values()):
            if not _can_be_copied(value, memo):
                memo[id(value)] = value
    try:
        return _deep_copy(module, memo)
    except Exception as error:
        reason = first_line(error)
        raise UsageError(
            f"cannot copy {type(module).__name__} to count it: {reason} (give it a __deepcopy__, "
            "or reset the state that it keeps from an earlier call)"
        ) from error


def _can_be_copied(value: Any, memo: dict[int, Any]) -> bool:
    """Whether an attribute can be copied; modules are looked into one by one."""
    if any(isinstance(leaf, nn.Module) for leaf in pytree.tree_leaves(value)):
        return True
    try:
        copy.deepcopy(value, dict(memo))
    except Exception:  # noqa: BLE001 - whatever it raises, it is shared then
        return False
    return True


def _deep_copy(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """Attribute by attribute where a module's own way of copying itself fails."""
    for part in module.modules():
        if hasattr(type(part), "__deepcopy__") and id(part) not in memo:
            try:
                memo[id(part)] = copy.deepcopy(part, memo)
            except (AttributeError, TypeError):
                twin = memo[id(part)] = type(part).__new__(type(part))
                twin.__dict__ = copy.deepcopy(part.__dict__, memo)
    return copy.deepcopy(module, memo)


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
            tensors = tensors_in(own)
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
        for tensor in self.tensors:
            if tensor.is_nested or tensor.layout not in (torch.strided, torch.jagged):
                raise UncountableError(
                    f"an input of {type(module).__name__} is nested or sparse, whose operations "
                    "are not counted; give the padded dense tensor"
                )
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
        return tensors_in(output)


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
        with (
            torch.inference_mode(),
            torch.random.fork_rng(devices=[]),
            torch.compiler.set_stance("force_eager"),
        ):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
