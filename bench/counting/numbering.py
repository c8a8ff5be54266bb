"""Equal numbers for weights of equal derivation, so that a mask or a view counts once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import count
from typing import Any

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from liafbench.bench.counting.known import Known

_RANDOM = ("rand", "bernoulli", "dropout", "normal", "uniform")


class Numbering:
    """Value numbering of everything that does not depend on the input."""

    def __init__(self, net: nn.Module) -> None:
        self._next = count()
        self._leaves: dict[int, Hashable] = {}
        self._kept: list[Tensor] = []
        self._derived: dict[Hashable, int] = {}
        for tensor in (*net.parameters(), *net.buffers()):
            self.of_leaf(tensor)

    def of_leaf(self, tensor: Tensor) -> Hashable:
        """The number of a parameter, a buffer or a constant."""
        if id(tensor) not in self._leaves:
            self._leaves[id(tensor)] = next(self._next)
            self._kept.append(tensor)
        return self._leaves[id(tensor)]

    def of_results(
        self, func: Any, args: Sequence[Any], facts: Sequence[Known], results: int, mutated: bool
    ) -> list[Hashable]:
        """The numbers of an operator's results."""
        if mutated or any(word in func.name() for word in _RANDOM):
            return [next(self._next) for _ in range(results)]
        leaves = pytree.tree_leaves(list(args))
        constants = tuple(repr(a) for a in leaves if not isinstance(a, Tensor))
        numbers = tuple((f.role, f.number) for f in facts)
        key = (func.name(), numbers, constants)
        if key not in self._derived:
            self._derived[key] = next(self._next)
        return [(self._derived[key], i) for i in range(results)]
