"""Dense counts from a trace: the only module that knows fvcore.

fvcore traces the module into a graph and hands every node to the handle of its operator. What has
neither a handle nor a place on the list of free operators is an error, not a warning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import fields
from typing import Any

from fvcore.nn.jit_analysis import JitModelAnalysis
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from liafbench.bench.counting.dependence import Dependence, Shaped, arguments
from liafbench.bench.counting.names import FREE, SYNAPTIC, base_name
from liafbench.bench.counting.shapes_only import shapes_only
from liafbench.bench.counting.synaptic import SYNAPTIC_FORMULAS, formula_for, uncountable
from liafbench.bench.counting.tally import NOTHING, Tally, UncountableError

ROOT = "net"
"""The counted module's name inside the adapter that fvcore traces."""

_FIELDS = tuple(field.name for field in fields(Tally))
SCRIPTED = ("prim::CallFunction", "prim::CallMethod", "prim::If", "prim::Loop")


class Call(nn.Module):
    """A call of a module with any nest of inputs, as a module from tensors to tensors."""

    def __init__(
        self,
        net: nn.Module,
        call: Callable[[nn.Module, tuple[Tensor, ...]], list[Tensor]],
        keep: bool = False,
    ) -> None:
        super().__init__()
        self.net = net
        self._call = call
        self._keep = keep

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The tensors in what the module returns; with `keep` all that it makes as well."""
        if not self._keep:
            return tuple(self._call(self.net, tensors))
        with _Keep() as kept:
            results = self._call(self.net, tensors)
        return (*results, *kept.made)


class _Keep(TorchFunctionMode):
    """Collects every tensor that a function of torch returns."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.made += [t for t in pytree.tree_leaves(result) if isinstance(t, Tensor)]
        return result


def traced_tallies(
    call: Call, tensors: tuple[Tensor, ...], neuron_modules: Iterable[str]
) -> dict[str, Tally]:
    """Dense counts by module path, each without its children's; neuron modules are left out.

    Raises UncountableError for an operator without a cost, naming it and its module.
    """
    hidden = tuple(neuron_modules)
    trace = _Trace(len(tensors), hidden)
    analysis = _analysis(call, tensors, trace.handle)
    if unknown := analysis.unsupported_ops():
        # A custom autograd.Function is known by name only once it has been met; anything else is
        # refused by its handle, unless it does not depend on the input.
        trace = _Trace(len(tensors), hidden)
        analysis = _analysis(call, tensors, trace.handle, tuple(unknown))
    by_module = analysis.by_module_and_operator()
    return {
        _path(name): _tally(own)
        for name, own in _own_counts(by_module).items()
        if name == ROOT or name.startswith(f"{ROOT}.")
    }


class _Trace:
    """Handles for one trace: what depends on the input, and what to leave out."""

    def __init__(self, inputs: int, hidden: tuple[str, ...]) -> None:
        self.dependence = Dependence(inputs)
        self.hidden = hidden

    def handle(self, kind: str) -> Callable[[list[Any], list[Any]], Counter[str]]:
        """The fvcore handle of an operator."""

        def handle(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
            node = outputs[0].node() if outputs else None
            module = _path(node.scopeName().split("/")[-1]) if node else ""
            if within(module, self.hidden):
                self.dependence.note_data(outputs)
                return Counter()
            return _named(self._cost(kind, inputs, outputs, module))

        return handle

    def _cost(self, kind: str, inputs: list[Any], outputs: list[Any], module: str) -> Tally:
        if kind.startswith("prim::PythonOp"):
            return self._function(outputs[0].node(), kind, module)
        name = base_name(kind)
        depends = self.dependence.note(name, inputs, outputs)
        formula = formula_for(name)
        if kind in SCRIPTED or (depends and not _known(name)):
            raise uncountable(kind, module, "scripted code is not traced" * (kind in SCRIPTED))
        if formula is None or not (depends or name in SYNAPTIC):
            return NOTHING
        args, outs = arguments(inputs), arguments(outputs)
        if _unknown_shape(args) or _unknown_shape(outs):
            raise uncountable(kind, module, "its shapes are not in the trace (scripted code?)")
        if name not in SYNAPTIC_FORMULAS and only_integers((*args, *outs)):
            return NOTHING
        return formula(args, outs)

    def _function(self, node: Any, kind: str, module: str) -> Tally:
        """A custom autograd.Function: the operators its forward ran."""
        graph = node.g("Subgraph") if node.hasAttribute("Subgraph") else None
        inner = list(graph.nodes()) if graph is not None else []
        self.dependence.enter(graph, node)
        total = NOTHING
        for n in inner:
            known_prim = n.kind() == "prim::PythonOp" or n.kind() in SCRIPTED
            if n.kind().startswith("prim::") and not known_prim:
                continue
            total += self._cost(n.kind(), list(n.inputs()), list(n.outputs()), module)
        if graph is None or not self.dependence.leave(graph, node):
            raise uncountable(
                kind,
                module,
                "it computes out of torch's sight; make it an operator (PyTorch's custom_op)",
            )
        return total


def _known(name: str) -> bool:
    return name in FREE or formula_for(name) is not None


def within(module: str, parents: Iterable[str]) -> bool:
    """Whether a module path is one of `parents` or below it."""
    return any(p in ("", module) or module.startswith(f"{p}.") for p in parents)


def only_integers(values: Iterable[Any]) -> bool:
    """Indices, lengths and masks: arithmetic on integers alone is not counted."""
    tensors = [v for v in values if hasattr(v, "shape")]
    return all(not v.floating for v in map(as_shaped, tensors))


def as_shaped(value: Any) -> Shaped:
    """A tensor or a traced value as its shape and whether it is floating point."""
    if isinstance(value, Shaped):
        return value
    return Shaped(tuple(value.shape), value.dtype.is_floating_point or value.dtype.is_complex)


def _unknown_shape(values: Sequence[Any]) -> bool:
    return any(isinstance(v, Shaped) and v.shape is None for v in values)


def _analysis(
    call: Call,
    tensors: tuple[Tensor, ...],
    handle: Callable[[str], Callable[[list[Any], list[Any]], Counter[str]]],
    extra: Sequence[str] = (),
) -> JitModelAnalysis:
    analysis = JitModelAnalysis(call, tensors)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.tracer_warnings("none")
    for name in (*_spellings(), *extra):
        analysis.set_op_handle(name, handle(name))
    with shapes_only() if any(t.is_meta for t in tensors) else nullcontext():
        try:
            analysis.by_module()  # the trace is made here
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise UncountableError(f"torch cannot trace this module: {reason}") from error
    return analysis


def _spellings() -> list[str]:
    """Every operator that is known, plain and in place, as a trace spells it."""
    names = {*FREE, *_counted_names()}
    spelled = [name if "::" in name else f"aten::{name}" for name in sorted(names)]
    return spelled + [f"{name}_" for name in spelled]


def _counted_names() -> set[str]:
    from liafbench.bench.counting.pointwise import PER_ELEMENT
    from liafbench.bench.counting.reductions import FORMULAS

    return {*SYNAPTIC_FORMULAS, *FORMULAS, *PER_ELEMENT}


def _own_counts(totals: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Counts of every module less those of its children."""
    own = {name: Counter(counts) for name, counts in totals.items()}
    for name, counts in totals.items():
        if name:
            parent = name.rpartition(".")[0]
            while parent not in own:
                parent = parent.rpartition(".")[0]
            own[parent].subtract(counts)
    return own


def _named(tally: Tally) -> Counter[str]:
    return Counter({name: value for name in _FIELDS if (value := getattr(tally, name))})


def _tally(counts: Counter[str]) -> Tally:
    return Tally(**{name: int(counts[name]) for name in _FIELDS})


def _path(name: str) -> str:
    """A module path inside the adapter as one of the counted module."""
    return name.removeprefix(ROOT).removeprefix(".")
