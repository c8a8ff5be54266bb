"""Which values of a trace depend on the input: what does not is a constant, and free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch

from liafbench.bench.counting.names import SYNAPTIC, words

FRESH = words(
    """
    lift_fresh lift_fresh_copy
    zeros ones empty full zeros_like ones_like empty_like full_like new_zeros new_ones new_empty
    new_full arange linspace eye scalar_tensor tensor rand rand_like randn randn_like randint
    randint_like randperm size sym_size numel dim _shape_as_tensor empty_strided
    new_empty_strided
    """
)
"""Results of these carry nothing of their tensor arguments but shape and type."""


class Shaped(NamedTuple):
    """A tensor of a trace, as far as a formula needs it."""

    shape: Any
    floating: bool


def arguments(values: Iterable[Any]) -> list[Any]:
    """Graph values as Python values; tensors as their shapes, lists as lists."""
    return [_argument(value) for value in values]


def _argument(value: Any) -> Any:
    node = value.node()
    if node.kind() == "prim::ListConstruct":
        return arguments(node.inputs())
    kind = value.type()
    if isinstance(kind, torch._C.TensorType) and kind.kind() == "TensorType":
        sizes = kind.sizes()
        scalar = kind.scalarType()
        floating = scalar is not None and scalar not in _INTEGERS
        return Shaped(None if sizes is None else tuple(sizes), floating)
    if kind.kind() in ("IntType", "NumberType", "FloatType", "BoolType") and (
        node.kind() != "prim::Constant"
    ):
        return None
    return value.toIValue()


_INTEGERS = {"Long", "Int", "Short", "Char", "Byte", "Bool"}


class Dependence:
    """Marks values, in the order of the trace, that depend on one of the first `inputs`."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.roots: set[str] | None = None
        self.data: set[str] = set()
        self.fresh: set[str] = set()

    def note(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> bool:
        """Records an operator's results; whether they depend on the input."""
        if name in FRESH:
            self.fresh.update(v.debugName() for v in outputs)
            return False
        sources = [s for value in inputs for s in _tensors(value)]
        depends = any(self.depends(s) for s in sources)
        if name in SYNAPTIC and not depends:
            # A state made afresh meets a weight: from here on it is activity.
            depends = any(self._is_fresh(s) for s in sources)
        if depends:
            self.note_data(outputs)
        elif sources and all(self._is_fresh(s) for s in sources):
            self.fresh.update(v.debugName() for v in outputs)
        return depends

    def note_data(self, outputs: Sequence[Any]) -> None:
        """Marks results as depending on the input."""
        self.data.update(v.debugName() for v in outputs)

    def depends(self, value: Any) -> bool:
        """Whether a value depends on the input."""
        name = value.debugName()
        if name in self.data:
            return True
        node = value.node()
        if node.kind() == "prim::Param":
            if self.roots is None:
                self.roots = {v.debugName() for v in list(node.outputs())[: self.inputs]}
            return name in self.roots
        if node.kind() in _WRAPPERS:
            return any(self.depends(v) for v in node.inputs())
        return False

    def _is_fresh(self, value: Any) -> bool:
        node = value.node()
        if node.kind() in _WRAPPERS:
            return all(self._is_fresh(v) for v in node.inputs())
        return value.debugName() in self.fresh or node.kind() == "prim::Constant"

    def enter(self, graph: Any, node: Any) -> None:
        """Takes the marks of a function's arguments over to its own graph."""
        if graph is None:
            return
        tensors = [v for v in node.inputs() if v.type().kind() == "TensorType"]
        for inner, outer in zip(graph.inputs(), tensors, strict=False):
            self.data.discard(inner.debugName())
            if self.depends(outer):
                self.data.add(inner.debugName())

    def leave(self, graph: Any, node: Any) -> bool:
        """Takes them back; False if inputs matter but no result is seen to depend on them."""
        results = list(graph.outputs())
        seen = any(self.depends(v) for v in results)
        if seen:
            self.note_data(list(node.outputs()))
        return seen or not any(self.depends(v) for v in node.inputs())


_WRAPPERS = {
    "prim::ListConstruct",
    "prim::ListUnpack",
    "prim::TupleConstruct",
    "prim::TupleUnpack",
    "prim::NumToTensor",
}


def _tensors(value: Any) -> list[Any]:
    node = value.node()
    if node.kind() in _WRAPPERS:
        return [t for v in node.inputs() for t in _tensors(v)] or [value]
    return [value] if value.type().kind() in ("TensorType", "ListType", "TupleType") else []
