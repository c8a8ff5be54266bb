"""What a run has cost so far, and what is known of its tensors: modules that run, and units."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from torch import Tensor, nn

from liafbench.baselines.neurons.step import Step
from liafbench.bench.counting import sparse
from liafbench.bench.counting.counts import LayerCounts, Run, Structure, SynapseCall
from liafbench.bench.counting.formulas.neurons import RECURRENT_NEURON, recurrent_products
from liafbench.bench.counting.neurons.layers import NeuronLayer
from liafbench.bench.counting.operators import OpCount
from liafbench.bench.counting.tensor_info import (
    ANALOG,
    ANALOG_INPUT,
    GRADED,
    SPIKES,
    Kind,
    TensorInfo,
    TensorTable,
    nonzero,
    range_of,
)


@dataclass
class RunningNeurons:
    """A layer of neurons that is running; what its operators cost so far, by module."""

    path: str
    layer: NeuronLayer
    first_call: int
    operators: list[tuple[str, OpCount, bool]] = field(default_factory=list)


class Scope(NamedTuple):
    """A module that is running, and the layer of neurons that it is or is part of."""

    path: str
    neurons: RunningNeurons | None = None
    fired: int = 0
    """Layers of neurons that had fired when it began."""


class UnitRecorder:
    """Books elementwise operations and units to the module that is running."""

    def __init__(self, net: nn.Module) -> None:
        self.structure = Structure(net)
        self.table = TensorTable(net)
        self.run = Run()
        self.scopes = [Scope("")]
        self.fired = 0
        self.compared: dict[str, frozenset[int]] = {}

    @property
    def module(self) -> str:
        """Path of the module that is running."""
        return self.scopes[-1].path

    @property
    def neurons(self) -> RunningNeurons | None:
        """The layer of neurons that is running."""
        return self.scopes[-1].neurons

    @property
    def inside_neuron(self) -> bool:
        """Whether neurons are running that are counted by formula alone."""
        return self.neurons is not None and self.neurons.layer.opaque

    def enter(self, path: str, layer: NeuronLayer | None) -> None:
        """A module begins to run."""
        neurons = self.neurons
        if neurons is None and layer is not None:
            neurons = RunningNeurons(path, layer, len(self.run.synapses))
        self.scopes.append(Scope(path, neurons, self.fired))
        self.compared.pop(path, None)

    @property
    def layer(self) -> LayerCounts:
        """Counts of the module that is running."""
        return self.run.layers[self.module]

    def info(self, tensor: Tensor) -> TensorInfo:
        """What is known of a tensor; UncountableError for one of unknown origin."""
        return self.table.of(tensor, self.module, anything=self.inside_neuron)

    def activity(self, tensor: Tensor) -> TensorInfo:
        """The same; inside a layer of neurons a state made afresh sends what its values say."""
        info = self.info(tensor)
        if self.neurons is None or info.role != "fresh":
            return info
        kind = SPIKES if range_of(tensor, info).binary else ANALOG
        return replace(info, role="input", kind=kind)

    def finish(self) -> Run:
        """The run so far; the next one starts from nothing."""
        done, self.run = self.run, Run()
        self.table.forget()
        self.compared.clear()
        self.scopes = [Scope("")]
        for call in done.synapses:
            layer = done.layers[call.module]
            layer.adds += call.dot_additions
            layer.muls += 0 if call.multiplication_free else call.macs
        return done

    def neuron_call(self, name: str, cost: OpCount, args: list[Any], out: Tensor) -> TensorInfo:
        """One call of a fused operator of neurons."""
        kind: Kind = SPIKES if Step.read(args[-1]).output == "spike" else ANALOG
        if self.neurons is None:
            info = self.fire(
                self.module, cost, self.info(args[0]).origin, out, kind, _frame(out, 2)
            )
        else:  # part of a layer that does more
            info = ANALOG_INPUT.declared(kind)
            self.elementwise(replace(cost, macs=0, dot_additions=0, updates=0))
        if name == RECURRENT_NEURON:
            self.recurrent_neurons(self.module, args[1], out, kind)
        return info

    def elementwise(self, cost: OpCount, reduction: bool = False) -> None:
        """One call of an operator that is no synapse; neurons may have a formula in its place."""
        if self.neurons is None:
            self._book(self.module, cost, reduction)
        else:
            self.neurons.operators.append((self.module, cost, reduction))

    def _book(self, path: str, cost: OpCount, reduction: bool) -> None:
        layer = self.run.layers[path]
        layer.ops += cost
        if not reduction:
            layer.adds += cost.additions
            layer.muls += cost.multiplications

    def neurons_left(
        self, left: RunningNeurons, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        """A layer of neurons has run: its outputs, and what its formula or operators cost."""
        calls = frozenset(range(left.first_call, len(self.run.synapses)))
        origin = calls.union(*(self.info(t).origin for t in inputs))
        dims = left.layer.batch_dims if len(outputs) == 1 else 1
        for output in outputs:
            kind = left.layer.kind or self._emitted(output)
            cost = left.layer.cost(kind, output.shape)
            if cost is None and output.is_meta:  # shapes do not tell what a fused operator emits
                cost = left.layer.cost(SPIKES, output.shape)
                kind = kind if cost is None else SPIKES
            if cost is None:
                for booked in left.operators:
                    self._book(*booked)
                left.operators.clear()
            self.fire(left.path, cost, origin, output, kind, _frame(output, dims))
            if left.layer.w_rec is not None:
                self.recurrent_neurons(left.path, left.layer.w_rec, output, kind)

    def comparison(self, tensors: Sequence[Tensor]) -> None:
        """The module that is running compares what synapses sent it: it may be a neuron."""
        origin = frozenset[int]().union(*(self.info(t).origin for t in tensors))
        if origin and self.neurons is None:
            self.compared[self.module] = self.compared.get(self.module, frozenset()) | origin

    def spikes_left(self, left: Scope, outputs: Sequence[Tensor]) -> None:
        """A module that puts out spikes of its own comparison is a layer of neurons."""
        origin = self.compared.pop(left.path, None)
        if origin is None or self.fired != left.fired or not outputs:
            return
        output, info = outputs[0], self.table.seen(outputs[0])
        spikes = info is not None and info.kind == SPIKES and info.role == "input"
        if not spikes or not output.is_floating_point():
            return
        call = self.run.synapses[min(origin)]
        trailing = [output[(0,) * dims].numel() for dims in range(1, output.dim())]
        units = call.frame if call.frame in trailing else output.numel() // call.frames
        self.fire(left.path, None, origin, output, SPIKES, units)

    def _emitted(self, output: Tensor) -> Kind:
        """By the operators; before the first input reaches it, by the values."""
        info = self.info(output)
        if info.role == "input":
            return info.kind
        return SPIKES if range_of(output, info).binary else ANALOG

    def fire(
        self,
        name: str,
        cost: OpCount | None,
        origin: frozenset[int],
        output: Tensor,
        kind: Kind,
        units: int,
    ) -> TensorInfo:
        """A layer of neurons has produced `output` of this kind."""
        self.fired += 1
        layer = self.run.layers[name]
        if cost is None:
            layer.ops += OpCount(updates=output.numel())
        else:
            layer.ops += replace(cost, macs=0, dot_additions=0)
            # Membrane additions and multiplications in the convention of LIAF-Net's authors.
            layer.adds += 2 * output.numel()
            layer.muls += 2 * output.numel()
        layer.state_words += 2 * output.numel()
        layer.watch(output, spikes=kind == SPIKES)
        for call in origin:
            self.run.synapses[call].fed.add(kind)
        self.structure.add_neurons(name, name, units)
        info = self.info(output) if kind == GRADED else ANALOG_INPUT.declared(kind)
        info = replace(info, role="input", origin=frozenset())
        self.table.learn(output, info)
        return info

    def recurrent_neurons(self, name: str, w_rec: Tensor, out: Tensor, kind: Kind) -> None:
        """The recurrent matrix of a neuron layer with outputs [T, B, N]."""
        weight_id = self.info(w_rec).weight_id
        self.structure.add_weight(name, w_rec, weight_id)
        self.structure.add_synapses(name, (weight_id,), nonzero(w_rec))
        macs = recurrent_products(out.shape).macs
        dots = recurrent_products(out.shape).dot_additions
        self.run.synapses.append(SynapseCall(name, (weight_id,), kind, 1, macs, dots, fed={kind}))
        layer = self.run.layers[name]
        layer.ops += OpCount(macs=macs, dot_additions=dots)
        if not out.is_meta:
            layer.add_sparse(sparse.recurrent_neurons(out, w_rec, kind))

    def recurrent_map(self, name: str, output: Tensor) -> None:
        """Outputs [T, B, ...] that are states of recurrent units written in operators."""
        layer = self.run.layers[name]
        layer.ops += OpCount(updates=output.numel())
        layer.state_words += 4 * output.numel()
        self.structure.add_neurons(name, name, output[0, 0].numel())

    def activation(self, name: str, x: Tensor, out: Tensor) -> None:
        """Units behind an activation function: its outputs for one frame."""
        origin = self.info(x).origin
        calls = [self.run.synapses[i] for i in sorted(origin)]
        if not calls or out.numel() % calls[0].frames:
            return
        units = out.numel() // calls[0].frames
        key: Hashable = (name, units, tuple(sorted({str(c.key) for c in calls})))
        for call in calls:
            call.fed.add(ANALOG)
        self.structure.add_neurons(self.module, key, units)
        self.layer.ops += OpCount(updates=out.numel())
        self.layer.watch(out, spikes=False)


def _frame(output: Tensor, batch_dims: int) -> int:
    """Outputs for one frame."""
    return output[(0,) * batch_dims].numel() if output.numel() else 0
