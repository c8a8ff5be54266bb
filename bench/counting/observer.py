"""One run of a network seen operator by operator: kinds, sparse counts, structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._library.custom_ops import OPDEFS
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from liafbench.bench.counting.errors import UncountableError, uncountable
from liafbench.bench.counting.formulas import OPERATORS, Operator
from liafbench.bench.counting.formulas.composed import as_float
from liafbench.bench.counting.geometry import Pads
from liafbench.bench.counting.kinds.propagation import propagate, spiking
from liafbench.bench.counting.meta import on_meta
from liafbench.bench.counting.neurons.layers import (
    NeuronLayer,
    is_recurrent_map,
    kept_states,
    neuron_layer,
)
from liafbench.bench.counting.operators import OpCall, base_name, in_schema_order, only_integers
from liafbench.bench.counting.recorder import Recorder
from liafbench.bench.counting.tensor_info import (
    ANALOG_INPUT,
    FRESH,
    KINDS,
    ZERO,
    TensorInfo,
    range_of,
    tensors_in,
)
from liafbench.bench.counting.units import Scope


class Observer(TorchDispatchMode):
    """Watches runs of one network.

    Use as a context around a call inside `torch.inference_mode()`, where composite operators
    arrive whole.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.recorder = Recorder(net)
        self._counting = True
        self._made: list[Tensor] = []
        self._unpacked: dict[Any, Tensor] = {}
        self.neurons: dict[str, NeuronLayer] = {}
        self._maps: set[str] = set()
        for name, module in net.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                raise UncountableError(
                    f"module {name!r} is scripted, which hides its operators; count the module "
                    "that it was scripted from"
                )
            if (layer := neuron_layer(module)) is not None:
                self.neurons[name] = layer
            elif is_recurrent_map(module):
                self._maps.add(name)
        for name, module in net.named_modules():
            self._watch(name, module)

    # Modules ---------------------------------------------------------------------------------

    def _watch(self, name: str, module: nn.Module) -> None:
        recorder = self.recorder

        def enter(_: nn.Module, __: Any) -> None:
            layer = self.neurons.get(name)
            if recorder.neurons is None and layer is not None:
                for state in kept_states(module):
                    recorder.table.learn(state, FRESH)
            recorder.enter(name, layer)

        def leave(_: nn.Module, inputs: Any, output: Any) -> None:
            left = recorder.scopes.pop()
            if left.neurons is None or left.neurons.path == name:
                with self._paused():
                    self._leave(name, module, left, inputs, output)

        module.register_forward_pre_hook(enter, prepend=True)
        module.register_forward_hook(leave)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """What the counter computes is no part of the network."""
        self._counting = False
        try:
            yield
        finally:
            self._counting = True

    def _leave(self, name: str, module: nn.Module, left: Scope, inputs: Any, output: Any) -> None:
        recorder = self.recorder
        if left.neurons is not None:
            recorder.neurons_left(left.neurons, tensors_in(inputs), _first(output))
        elif name in self._maps:
            recorder.recurrent_map(name, output)
        elif (kind := getattr(module, "output_kind", None)) is not None:
            if kind not in KINDS:
                raise UncountableError(
                    f"module {name!r} declares output_kind={kind!r}; known: {', '.join(KINDS)}"
                )
            for tensor in tensors_in(output):
                recorder.table.learn(tensor, recorder.info(tensor).declared(kind))
        else:
            recorder.spikes_left(left, _first(output))

    # Operators -------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if not self._counting:
            return func(*args, **kwargs)
        name = base_name(func.name())
        operator = OPERATORS.get(name)
        if name.startswith("quantized::") and (quantized := as_float(name, args)) is not None:
            return self._quantized(func, args, kwargs, *quantized)
        if operator is None:
            composite = self._decomposed(func, args, kwargs)
            if composite is not NotImplemented:
                return composite
            if self._meets_input(args, kwargs) and not self._has_formula(args):
                raise uncountable(func.name(), self.recorder.module, _reason(func, args))
            operator = Operator(None)
        mutable = func._schema.is_mutable
        written = self.recorder.table.sharing(args[0]) if mutable and _is_tensor(args) else []
        out = on_meta(func, args, kwargs)
        outs = self._made = tensors_in(out)
        if outs:
            positional = in_schema_order(func, args, kwargs)
            call = OpCall(name, func, positional, (args, kwargs), outs, self.recorder.info)
            self._observe(call, operator, written if mutable else None)
        return out

    def _quantized(
        self, func: Any, args: Any, kwargs: Any, name: str, floating: list[Any], place: int
    ) -> Any:
        """A layer of quantised numbers counts as the one that it stands for."""
        out, table = func(*args, **kwargs), self.recorder.table
        weight = self._unpacked.setdefault(args[1], floating[place].dequantize())
        x = floating[0].dequantize() if floating[0].is_quantized else floating[0]
        table.learn(x, self.recorder.info(args[0]))
        table.learn(weight, TensorInfo("weight", weight_id=table.weight_ids.of_leaf(weight)))
        floating[0], floating[place] = x, weight
        call = OpCall(name, func, floating, (args, kwargs), [out], self.recorder.info)
        self._observe(call, OPERATORS[name], None)
        if func.name().split(".")[0].endswith("_relu"):
            activation = OpCall("relu", func, [out], ((out,), {}), [out], self.recorder.info)
            self._observe(activation, OPERATORS["relu"], [])
        return out

    def _has_formula(self, args: Any) -> bool:
        """Whether neurons are running that need no operators: on shapes, whatever has a formula."""
        neurons = self.recorder.neurons
        if neurons is None or neurons.layer.opaque:
            return neurons is not None
        return neurons.layer.step is not None and any(t.is_meta for t in tensors_in(args))

    def _meets_input(self, args: Any, kwargs: Any) -> bool:
        return any(self.recorder.info(t).role == "input" for t in tensors_in((args, kwargs)))

    def _decomposed(self, func: Any, args: Any, kwargs: Any) -> Any:
        with self:
            return func.decompose(*args, **kwargs)

    def _observe(
        self, call: OpCall, operator: Operator, written: Sequence[tuple[Tensor, Any]] | None
    ) -> None:
        """`written`: what shares the memory of what is written to; None if nothing is."""
        recorder, given = self.recorder, call.tensors
        if operator.sort == "fresh":
            found = [_fresh(call)] * len(call.outs)
        else:
            read = given if operator.reads is None else tensors_in(call.args[: operator.reads])
            constant = operator.sort == "constant"
            infos = [] if constant else [recorder.info(t) for t in read]
            roles = {i.role for i in infos}
            if "input" in roles or (operator.synaptic and "fresh" in roles):
                found = self._results(call, operator)
            else:
                found = self._constants(call, operator, infos, written is not None)
        for tensor, info in zip(call.outs, found, strict=True):
            made = written is not None or operator.sort in ("fresh", "constant")
            if made or not any(tensor is t for t in given):
                recorder.table.learn(tensor, info)
        if written:
            recorder.table.written_through(written, found[0])

    def _results(self, call: OpCall, operator: Operator) -> list[TensorInfo]:
        """Counts a call that depends on the input; what is known of its results."""
        recorder, counted = self.recorder, not self.recorder.inside_neuron
        if not counted:
            return [ANALOG_INPUT] * len(call.outs)
        cost = operator.formula(call.args, call.outs) if operator.formula else None
        if operator.synaptic:
            assert cost is not None
            return recorder.synaptic_call(call.name, cost, call.args, call.outs)
        if operator.sort == "neuron":
            assert cost is not None
            return [recorder.neuron_call(call.name, cost, call.args, call.outs[0])]
        if cost is not None and not only_integers([*pytree.tree_leaves(call.args), *call.outs]):
            recorder.elementwise(cost, reduction=operator.sort == "reduction")
        found = propagate(call, operator.kinds)
        if operator.kinds is spiking:
            recorder.comparison(call.tensors)
        unit = recorder.neurons is None and recorder.module not in self._maps
        if operator.sort == "activation" and unit:
            recorder.activation(call.name, call.args[0], call.outs[0])
        elif call.name in ("embedding", "embedding_bag"):
            table_id = recorder.info(call.args[0]).weight_id
            recorder.structure.add_embedding(recorder.module, call.args[0], table_id)
        elif call.name in ("constant_pad_nd", "pad"):
            return [replace(found[0], padding=_zero_padding(call.name, call.args))]
        return found

    def _constants(
        self, call: OpCall, operator: Operator, infos: list[TensorInfo], mutated: bool
    ) -> list[TensorInfo]:
        """What is known of results that do not depend on the input: they cost nothing."""
        if operator.sort != "constant" and not any(i.role == "weight" for i in infos):
            same = infos[0] if infos and call.func.is_view else FRESH
            return [same] * len(call.outs)
        ids = self.recorder.table.weight_ids.of_results(
            call.func, call.args, infos, len(call.outs), mutated
        )
        if operator.synaptic and operator.formula and not self.recorder.inside_neuron:
            macs = operator.formula(call.args, call.outs).macs
            self.recorder.structure.add_weight_macs(self.recorder.module, ids[0], macs)
        values = _filled(call) if operator.sort == "constant" else None
        found = [TensorInfo("weight", weight_id=i) for i in ids]
        return found if values is None else [replace(i, values=values) for i in found]

    def check_outputs(self, outputs: Sequence[Tensor]) -> None:
        """Results that no operator made, or that no input reaches, are an error."""
        roles = {self.recorder.info(output).role for output in outputs}
        if outputs and "input" not in roles:
            raise UncountableError(
                "no result depends on the input as far as the counter sees (another thread, numpy, "
                "values taken out); compute it with torch operators in the caller's thread"
            )


def _first(output: Any) -> list[Tensor]:
    """What a layer of neurons puts out: the first of a tuple, whose others are states."""
    return tensors_in(output[0] if isinstance(output, tuple) else output)


def _reason(func: Any, args: Any) -> str:
    """Why a custom operator is not counted on shapes; nothing for any other refusal."""
    if func.name() in OPDEFS and any(t.is_meta for t in tensors_in(args)):
        return "shapes do not tell what a custom operator computes; count it on tensors with values"
    return ""


def _is_tensor(args: Any) -> bool:
    return bool(args) and isinstance(args[0], Tensor)


def _fresh(call: OpCall) -> TensorInfo:
    """Zeros, and memory that is written before it is read; or noise."""
    zeros = call.name.removeprefix("new_").startswith(("zeros", "empty"))
    return replace(FRESH, values=ZERO) if zeros else FRESH


def _filled(call: OpCall) -> Any:
    """The value of a constant that is the same everywhere, which meta tensors do not hold."""
    if call.name.removeprefix("new_").startswith("ones"):
        return range_of(1)
    if call.name.removeprefix("new_").startswith("full"):
        return range_of(call.args[1] if call.name != "new_full" else call.args[2])
    return None


def _zero_padding(name: str, args: list[Any]) -> Pads:
    """The zeros that a padding operator puts around its input, by axis; () for anything else."""
    value = args[2] if name == "constant_pad_nd" else args[3]
    mode = "constant" if name == "constant_pad_nd" else args[2]
    if value or mode != "constant" or min(args[1]) < 0:
        return ()
    pairs = [(args[1][i], args[1][i + 1]) for i in range(0, len(args[1]), 2)]
    return tuple(reversed(pairs))
