"""Operators by name: what a call costs, and what kind its results are; one entry each.

The entries stand in `formulas`. A trace and a run look them up by the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import Any, Literal

from torch import Tensor

from liafbench.bench.counting.tensor_info import Range, TensorInfo, range_of, tensors_in


@dataclass(frozen=True)
class OpCount:
    """Operations of one call, for the whole batch.

    `macs`: multiply-accumulates, padding taps included. `additions`, `multiplications`, `others`
    (comparisons, selections, elementary functions): everything that is not part of a MAC.
    `updates`: steps of neurons. `dot_additions`: additions inside dot products in the convention
    of the authors of LIAF-Net, k^2 - 1 for each kernel.
    """

    macs: int = 0
    additions: int = 0
    multiplications: int = 0
    others: int = 0
    updates: int = 0
    dot_additions: int = 0

    @property
    def elementwise(self) -> int:
        """All operations outside of MACs."""
        return self.additions + self.multiplications + self.others

    def __add__(self, other: OpCount) -> OpCount:
        return OpCount(*(getattr(self, n) + getattr(other, n) for n in COUNTED))

    def times(self, calls: int) -> OpCount:
        """The same, `calls` times."""
        return OpCount(*(calls * getattr(self, n) for n in COUNTED))


COUNTED = tuple(field.name for field in fields(OpCount))
NOTHING = OpCount()


@dataclass
class OpCall:
    """One call of an operator in a run; `args` in the order of its schema, defaults filled in."""

    name: str
    func: Any
    args: list[Any]
    raw: tuple[Any, dict[str, Any]]
    outs: list[Tensor]
    info: Callable[[Tensor], TensorInfo]

    @property
    def tensors(self) -> list[Tensor]:
        """Every tensor among the arguments."""
        return tensors_in(self.args)

    def bounds(self, value: Any) -> Range:
        """Of an argument: a number or a tensor."""
        return range_of(value, self.info(value) if isinstance(value, Tensor) else None)

    def depends(self, value: Any) -> bool:
        """Whether an argument depends on the network's input."""
        return isinstance(value, Tensor) and self.info(value).role == "input"


Formula = Callable[[Sequence[Any], Sequence[Any]], OpCount]
"""From the operator's arguments and results (anything with a shape) to its cost."""

KindRule = Callable[[OpCall], list[TensorInfo]]
"""From a call that depends on the input to what is known of its results."""

Sort = Literal[
    "", "fresh", "constant", "reduction", "activation", "product", "layer", "cell", "neuron"
]


@dataclass(frozen=True)
class Operator:
    """One operator. Without a formula it moves, makes or looks up numbers and computes none.

    `kinds`: None makes every result analog. `sort` says what else a call is: it makes a "fresh"
    tensor (an initial state, noise) or a "constant"; it is a "reduction" over elements; its outputs
    are units ("activation"); it
    multiplies by weights ("product": of two tensors, attention included; "layer" and "cell":
    recurrent ones); it is a layer of spiking neurons ("neuron"). `reads`: how many leading
    arguments its values come from, where the others lend a type or a shape only.
    """

    formula: Formula | None
    kinds: KindRule | None = None
    sort: Sort = ""
    reads: int | None = None

    @property
    def synaptic(self) -> bool:
        """Whether it multiplies by weights."""
        return self.sort in ("product", "layer", "cell")


OPERATORS: dict[str, Operator] = {}


def register(
    names: str,
    formula: Formula | None,
    kinds: KindRule | None = None,
    sort: Sort = "",
    reads: int | None = None,
) -> None:
    """Adds one operator, or several that cost and do alike; names without namespace `aten`."""
    for name in names.split():
        if name in OPERATORS:
            raise ValueError(f"operator {name!r} is there already")
        OPERATORS[name] = Operator(formula, kinds, sort, reads)


def numel(tensor: Any) -> int:
    """Number of elements of anything with a shape."""
    return prod(tensor.shape)


def only_integers(values: Iterable[Any]) -> bool:
    """Indices, lengths and masks: arithmetic on integers alone is not counted."""
    return not any(_is_floating(v) for v in values if hasattr(v, "shape"))


def _is_floating(tensor: Any) -> bool:
    dtype = tensor.dtype
    return bool(dtype.is_floating_point or dtype.is_complex)


def base_name(operator: str) -> str:
    """`aten::add_.Tensor` and `aten::add` are both add; other namespaces are kept."""
    namespace, _, rest = operator.partition("::")
    if not rest:
        return operator
    name = rest.split(".")[0]
    if namespace != "aten":
        return f"{namespace}::{name}"
    inplace = name.endswith("_") and not name.endswith("__")
    return name[:-1] if inplace else name


def in_schema_order(func: Any, args: Any, kwargs: dict[str, Any]) -> list[Any]:
    """All arguments in the order of the schema, defaults filled in."""
    values = list(args)
    for argument in func._schema.arguments[len(args) :]:
        if argument.name in kwargs:
            values.append(kwargs[argument.name])
        else:
            values.append(argument.default_value if argument.has_default_value() else None)
    return values
