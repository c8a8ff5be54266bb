"""The second, independent count: fvcore's trace of the network with our handles.

fvcore traces the module into a graph and hands every node to the handle of its operator. This is
the only module that knows fvcore. What differs from the run is a finding, never an error.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from fvcore.nn.jit_analysis import JitModelAnalysis
from torch import Tensor, nn
from torch.autograd.function import Function, FunctionCtx
from torch.overrides import TorchFunctionMode

from liafbench.bench.counting.errors import uncountable
from liafbench.bench.counting.formulas import OPERATORS
from liafbench.bench.counting.meta import shapes_only
from liafbench.bench.counting.operators import COUNTED, NOTHING, OpCount, base_name, only_integers
from liafbench.bench.counting.tensor_info import tensors_in

ROOT = "net"
"""The counted module's name inside the adapter that fvcore traces."""


class Call(nn.Module):
    """A call of a module with any nest of inputs, as a module from tensors to tensors."""

    def __init__(
        self, net: nn.Module, call: Callable[[nn.Module, tuple[Tensor, ...]], list[Tensor]]
    ) -> None:
        super().__init__()
        self.net = net
        self._call = call
        for module in net.modules():
            # fvcore's hooks tell which module computes: before the user's, which compute as well.
            module._forward_pre_hooks = _NewestFirst(module._forward_pre_hooks)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The tensors in what the module returns, and all that it makes: a trace drops the rest."""
        with _Keep() as kept:
            results = self._call(self.net, tensors)
        return (*results, *kept.made)


class _NewestFirst(OrderedDict[int, Any]):
    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key, last=False)


class _Keep(TorchFunctionMode):
    """Collects every tensor that a function of torch returns."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.made += tensors_in(result)
        return result


class _Context(FunctionCtx):
    """What the forward of a custom autograd.Function gets where it is run as plain code."""

    def __init__(self, args: Sequence[Any]) -> None:
        self.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)


@contextmanager
def _functions_inline() -> Iterator[None]:
    """Custom autograd.Functions run as the plain code of their forward, which a trace can see."""
    base = Function.__mro__[1]

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        context = _Context(args)
        if cls.setup_context is Function.setup_context:
            return cls.forward(context, *args, **kwargs)
        output = cls.forward(*args, **kwargs)
        cls.setup_context(context, args, output)
        return output

    base.apply = classmethod(apply)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del base.apply  # type: ignore[attr-defined]


def traced_counts(
    call: Call, tensors: tuple[Tensor, ...], neuron_modules: Iterable[str]
) -> dict[str, OpCount]:
    """Dense counts by module path, each without its children's; neuron modules are left out.

    Raises UncountableError for an operator without a cost, and whatever a trace fails with.
    """
    trace = _Trace(len(tensors), tuple(neuron_modules))
    analysis = _analysis(call, tensors, trace.handle)
    totals = analysis.by_module_and_operator()
    unknown = sorted(set(analysis.unsupported_ops()))
    if unknown:
        # Handed over a second time: what does not depend on the input is free.
        trace = _Trace(len(tensors), tuple(neuron_modules))
        analysis = _analysis(call, tensors, trace.handle, unknown)
        totals = analysis.by_module_and_operator()
    return {
        _path(name): OpCount(*(int(counts[field]) for field in COUNTED))
        for name, counts in _own_counts(totals).items()
        if name == ROOT or name.startswith(f"{ROOT}.")
    }


def within(module: str, parents: Iterable[str]) -> bool:
    """Whether a module path is one of `parents` or below it."""
    return any(p in ("", module) or module.startswith(f"{p}.") for p in parents)


class _Trace:
    """Handles for one trace: what depends on the input, and what to leave out."""

    def __init__(self, inputs: int, hidden: tuple[str, ...]) -> None:
        self.dependence = _Dependence(inputs)
        self.hidden = hidden

    def handle(self, inputs: list[Any], outputs: list[Any]) -> Counter[str]:
        """The fvcore handle of every operator; without results there is nothing to count."""
        if not outputs:
            return Counter()
        node = outputs[0].node()
        module = _path(node.scopeName().split("/")[-1])
        if within(module, self.hidden):
            self.dependence.data.update(v.debugName() for v in outputs)
            return Counter()
        kind = node.kind()
        if kind == "prim::PythonOp":
            kind = f"{kind}.{node.pyname()}"
        cost = self._cost(kind, inputs, outputs, module)
        return Counter({n: value for n in COUNTED if (value := getattr(cost, n))})

    def _cost(self, kind: str, inputs: list[Any], outputs: list[Any], module: str) -> OpCount:
        name = base_name(kind)
        operator = OPERATORS.get(name)
        depends = self.dependence.note(name, inputs, outputs)
        if operator is None and depends:
            raise uncountable(kind, module)
        if operator is None or operator.formula is None or not depends:
            return NOTHING
        args, outs = _arguments(inputs), _arguments(outputs)
        if not operator.synaptic and operator.sort != "neuron" and only_integers((*args, *outs)):
            return NOTHING
        return operator.formula(args, outs)


def _analysis(
    call: Call,
    tensors: tuple[Tensor, ...],
    handle: Callable[[list[Any], list[Any]], Counter[str]],
    extra: Sequence[str] = (),
) -> JitModelAnalysis:
    analysis = JitModelAnalysis(call, tensors)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.tracer_warnings("none")
    spelled = [name if "::" in name else f"aten::{name}" for name in OPERATORS]
    names = (*spelled, *(f"{name}_" for name in spelled), *extra)
    analysis.set_op_handle(**dict.fromkeys(names, handle))
    with shapes_only() if any(t.is_meta for t in tensors) else nullcontext(), _functions_inline():
        analysis.by_module()  # the trace is made here
    return analysis


def _own_counts(totals: Mapping[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Counts of every module less those of its children."""
    own = {name: Counter(counts) for name, counts in totals.items()}
    for name, counts in totals.items():
        if name:
            parent = name.rpartition(".")[0]
            while parent not in own:
                parent = parent.rpartition(".")[0]
            own[parent].subtract(counts)
    return own


def _path(name: str) -> str:
    """A module path inside the adapter as one of the counted module."""
    return name.removeprefix(ROOT).removeprefix(".")


class _Traced(NamedTuple):
    """A tensor of a trace, as far as a formula needs it."""

    shape: tuple[int, ...]
    dtype: torch.dtype


def _arguments(values: Iterable[Any]) -> list[Any]:
    """Graph values as Python values; tensors as shapes and types, lists as lists."""
    return [_argument(value) for value in values]


def _argument(value: Any) -> Any:
    node, kind = value.node(), value.type()
    if node.kind() == "prim::ListConstruct":
        return _arguments(node.inputs())
    if kind.kind() == "TensorType":
        if node.kind() == "prim::Constant":
            return value.toIValue()
        sizes = kind.sizes()
        if sizes is None:
            raise uncountable(node.kind(), "", "its shapes are not in the trace")
        return _Traced(tuple(sizes), kind.dtype())
    numeric = kind.kind() in ("IntType", "NumberType", "FloatType", "BoolType")
    return None if numeric and node.kind() != "prim::Constant" else value.toIValue()


_WRAPPERS = {
    "prim::ListConstruct",
    "prim::ListUnpack",
    "prim::TupleConstruct",
    "prim::TupleUnpack",
    "prim::NumToTensor",
}


class _Dependence:
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
