"""The values of a traced graph: as arguments of formulas, and which depend on the input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch

from liafbench.bench.counting.errors import uncountable
from liafbench.bench.counting.formulas import OPERATORS


class Traced(NamedTuple):
    """A tensor of a trace, as far as a formula needs it."""

    shape: tuple[int, ...]
    dtype: torch.dtype


def arguments(values: Iterable[Any]) -> list[Any]:
    """Graph values as Python values; tensors as shapes and types, lists as lists."""
    return [_argument(value) for value in values]


def _argument(value: Any) -> Any:
    node, kind = value.node(), value.type()
    if node.kind() == "prim::ListConstruct":
        return arguments(node.inputs())
    if kind.kind() == "TensorType":
        if node.kind() == "prim::Constant":
            return value.toIValue()
        sizes = kind.sizes()
        if sizes is None:
            raise uncountable(node.kind(), "", "its shapes are not in the trace")
        return Traced(tuple(sizes), kind.dtype())
    numeric = kind.kind() in ("IntType", "NumberType", "FloatType", "BoolType")
    return None if numeric and node.kind() != "prim::Constant" else value.toIValue()


_WRAPPERS = {
    "prim::ListConstruct",
    "prim::ListUnpack",
    "prim::TupleConstruct",
    "prim::TupleUnpack",
    "prim::NumToTensor",
}


class Dependence:
    """Which values of a graph depend on its first `inputs`: the others cost nothing.

    Values are met in the order of the graph. What was filled or drawn in it is `fresh`.
    """

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.roots: set[str] | None = None
        self.data: set[str] = set()
        self.fresh: set[str] = set()

    def note(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> bool:
        """Records an operator's results; whether they depend on the input."""
        operator = OPERATORS.get(name)
        sort, reads = (operator.sort, operator.reads) if operator else ("", None)
        names = [v.debugName() for v in outputs]
        if sort == "fresh":
            self.fresh.update(names)
        if sort in ("fresh", "constant"):
            return False
        sources = [s for value in inputs[:reads] for s in _sources(value)]
        depends = any(self.depends(s) for s in sources)
        if operator and operator.synaptic and not depends:
            # A state made afresh meets a weight: from here on it is activity.
            depends = any(s.debugName() in self.fresh for s in sources)
        if depends:
            self.data.update(names)
        elif sources and all(self._is_fresh(s) for s in sources):
            self.fresh.update(names)
        return depends

    def depends(self, value: Any) -> bool:
        """Whether a value depends on the input."""
        name, node = value.debugName(), value.node()
        if name in self.data:
            return True
        if node.kind() == "prim::Param":
            if self.roots is None:
                self.roots = {v.debugName() for v in list(node.outputs())[: self.inputs]}
            return name in self.roots
        return node.kind() in _WRAPPERS and any(self.depends(v) for v in node.inputs())

    def _is_fresh(self, value: Any) -> bool:
        return value.debugName() in self.fresh or value.node().kind() == "prim::Constant"


def _sources(value: Any) -> list[Any]:
    """The tensors in a value."""
    node = value.node()
    if node.kind() in _WRAPPERS:
        return [t for v in node.inputs() for t in _sources(v)] or [value]
    return [value] if value.type().kind() in ("TensorType", "ListType", "TupleType") else []
