"""What a run has cost so far, and what is known of its tensors: calls of synapses and of units."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from torch import Tensor, nn

from liafbench.baselines.neurons.step import Step
from liafbench.bench.counting import sparse
from liafbench.bench.counting.counts import LayerCounts, Run, Structure, SynapseCall
from liafbench.bench.counting.formulas.synaptic import (
    ATTENTION,
    CONVOLUTIONS,
    STATES,
    hidden_units,
    matrices_of,
    steps_of,
)
from liafbench.bench.counting.geometry import Convolution
from liafbench.bench.counting.neuron_modules import RECURRENT_NEURON, recurrent_products
from liafbench.bench.counting.operators import OPERATORS, OpCount
from liafbench.bench.counting.sparse import Sparse
from liafbench.bench.counting.tensor_info import (
    ANALOG,
    ANALOG_INPUT,
    SPIKES,
    Kind,
    TensorInfo,
    TensorTable,
    nonzero,
    taps,
)


class Recorder:
    """Books every call to the module that is running; structure is kept from run to run."""

    def __init__(self, net: nn.Module) -> None:
        self.structure = Structure(net)
        self.fan_outs = sparse.FanOuts()
        self.table = TensorTable(net)
        self.run = Run()
        self.scopes: list[tuple[str, bool]] = [("", False)]
        self._last: int | None = None

    @property
    def module(self) -> str:
        """Path of the module that is running."""
        return self.scopes[-1][0]

    @property
    def inside_neuron(self) -> bool:
        """Whether a neuron module is running that is counted by formula."""
        return self.scopes[-1][1]

    @property
    def layer(self) -> LayerCounts:
        """Counts of the module that is running."""
        return self.run.layers[self.module]

    def info(self, tensor: Tensor) -> TensorInfo:
        """What is known of a tensor; UncountableError for one of unknown origin."""
        return self.table.of(tensor, self.module, anything=self.inside_neuron)

    def finish(self) -> Run:
        """The run so far; the next one starts from nothing."""
        done, self.run = self.run, Run()
        self.table.forget()
        self.scopes = [("", False)]
        for call in done.synapses:
            layer = done.layers[call.module]
            layer.adds += call.dot_additions
            layer.muls += 0 if call.multiplication_free else call.macs
        return done

    # -- synapses -----------------------------------------------------------------------------

    def synaptic_call(
        self, name: str, cost: OpCount, args: list[Any], outs: list[Tensor]
    ) -> list[TensorInfo]:
        """One call of an operator that multiplies; what is known of its results."""
        sort = OPERATORS[name].sort
        if sort == "layer":
            self._recurrent(name, cost, args, outs)
        elif sort == "cell":
            self._cell(name, cost, args, outs)
        elif name == ATTENTION:
            self._attention(cost, args, outs[0])
        elif name == "bilinear":
            self._bilinear(cost, args, outs[0])
        else:
            self._product(name, cost, args, outs[0])
        origin = frozenset() if self._last is None else frozenset({self._last})
        return [replace(ANALOG_INPUT, origin=origin)] * len(outs)

    def _product(self, name: str, cost: OpCount, args: list[Any], out: Tensor) -> None:
        operands = sparse.operands_of(name, args)
        infos = [self.info(t) for t in operands]
        key: Hashable = name
        frames = out.numel() // max(out.shape[-1], 1) if out.dim() else 1
        for weight, info in zip(operands, infos, strict=True):
            if info.role == "weight":
                self.structure.add_weight(self.module, weight, info.weight_id)
                key, synapses, frames = self._geometry(name, args, weight, info, out, frames)
                self.structure.add_synapses(self.module, key, synapses)
        kind = next((i.kind for i in infos if i.role == "input"), ANALOG)
        self._begin(key, kind, frames, cost)
        moved = sum(t.numel() for t, i in zip(operands, infos, strict=True) if i.role != "weight")
        self._words(moved + out.numel())
        if out.is_meta:
            return
        for operand, info in zip(operands, infos, strict=True):
            if info.role == "input" and info.kind == SPIKES:
                sparse.check_spikes(operand, info, name, self.module)
        self._sparse(sparse.product(name, args, out, self.info, self.fan_outs))

    def _geometry(
        self, name: str, args: list[Any], weight: Tensor, info: TensorInfo, out: Tensor, frames: int
    ) -> tuple[Hashable, int, int]:
        """What tells uses of a weight apart, its connections, and frames in the batch."""
        if name not in CONVOLUTIONS:
            return (info.weight_id,), nonzero(weight), frames
        conv = Convolution.read(name, args)
        dims = len(weight.shape) - 2
        extra = self.info(conv.x).padding
        extra = extra if len(extra) == dims and not conv.transposed else ()
        geometry = conv.geometry(out.shape, extra)
        temporal = dims == 3
        frames = conv.frames() * (out.shape[-3] if temporal else 1)
        if temporal:  # another length of time is no other geometry
            spatial = (geometry.inputs[1:], geometry.padding[1:], geometry.stride[1:])
            key: Hashable = (info.weight_id, spatial, geometry.dilation, geometry.groups)
        else:
            key = (info.weight_id, geometry)
        return key, geometry.synapses(taps(weight), temporal), frames

    def _recurrent(self, name: str, cost: OpCount, args: list[Any], outs: list[Tensor]) -> None:
        layers, directions = _depth(args)
        matrices, steps = matrices_of(args), steps_of(args)
        self._units(name, cost, matrices, hidden_units(name, matrices), steps)
        self._words(steps * _widths(matrices, layers * directions))
        if not outs[0].is_meta:
            parts = sparse.recurrent(args, self.info, self.fan_outs, layers, directions)
            self._sparse(*parts)

    def _cell(self, name: str, cost: OpCount, args: list[Any], outs: list[Tensor]) -> None:
        x, w_ih, w_hh = args[0], args[2], args[3]
        rows = prod(x.shape[:-1])
        self._units(name.removesuffix("_cell"), cost, [w_ih, w_hh], w_hh.shape[1], rows)
        self._words(x.numel() + outs[0].numel())
        if outs[0].is_meta:
            return
        inputs = sparse.product("linear", [x, w_ih], outs[0], self.info, self.fan_outs)
        self._sparse(inputs, Sparse(ANALOG, rows * nonzero(w_hh), 0))

    def _units(
        self, name: str, cost: OpCount, matrices: list[Tensor], units: int, steps: int
    ) -> None:
        ids = [self.info(matrix).weight_id for matrix in matrices]
        for matrix, weight_id in zip(matrices, ids, strict=True):
            self.structure.add_weight(self.module, matrix, weight_id)
            self.structure.add_synapses(self.module, (weight_id,), nonzero(matrix))
        key = ("units", *ids)
        self.structure.add_neurons(self.module, key, units)
        self._begin(key, ANALOG, max(steps, 1), cost)
        self.layer.adds += cost.additions
        self.layer.muls += cost.multiplications
        self.layer.state_words += 2 * STATES[name] * cost.updates

    def _attention(self, cost: OpCount, args: list[Any], out: Tensor) -> None:
        self._begin(ATTENTION, ANALOG, 1, cost)
        self._words(sum(t.numel() for t in args[:3]) + out.numel())
        if not out.is_meta:
            self._sparse(*sparse.attention(args, out, self.info))
        self._last = None

    def _bilinear(self, cost: OpCount, args: list[Any], out: Tensor) -> None:
        weight = args[2]
        weight_id = self.info(weight).weight_id
        self.structure.add_weight(self.module, weight, weight_id)
        self.structure.add_synapses(self.module, (weight_id,), nonzero(weight))
        self._begin((weight_id,), ANALOG, out.numel() // out.shape[-1], cost)
        self._words(args[0].numel() + args[1].numel() + out.numel())
        if not out.is_meta:
            self._sparse(*sparse.bilinear(args, self.info))

    def _begin(self, key: Hashable, kind: Kind, frames: int, cost: OpCount) -> None:
        self._last = len(self.run.synapses)
        call = SynapseCall(self.module, key, kind, frames, cost.macs, cost.dot_additions)
        self.run.synapses.append(call)
        self.layer.ops += cost

    def _sparse(self, *parts: Sparse) -> None:
        for part in parts:
            self.layer.ac += part.accumulates()
            self.layer.mac_effective += part.multiplies()
            self.layer.ac_folded += part.folded

    def _words(self, words: int) -> None:
        self.layer.activation_words += words

    # -- units --------------------------------------------------------------------------------

    def neuron_call(self, name: str, cost: OpCount, args: list[Any], out: Tensor) -> TensorInfo:
        """One call of a fused operator of neurons."""
        kind: Kind = SPIKES if Step.read(args[-1]).output == "spike" else ANALOG
        info = self.fire(self.module, cost, self.info(args[0]).origin, out, kind, 2)
        if name == RECURRENT_NEURON:
            self.recurrent_neurons(self.module, args[1], out, kind)
        return info

    def fire(
        self,
        name: str,
        cost: OpCount,
        origin: frozenset[int],
        output: Tensor,
        kind: Kind,
        batch_dims: int,
    ) -> TensorInfo:
        """A layer of neurons has produced `output` of this kind."""
        layer = self.run.layers[name]
        layer.ops += replace(cost, macs=0, dot_additions=0)
        # Membrane additions and multiplications in the convention of the authors of LIAF-Net.
        layer.adds += 2 * output.numel()
        layer.muls += 2 * output.numel()
        layer.state_words += 2 * output.numel()
        layer.watch(output, spikes=kind == SPIKES)
        for call in origin:
            self.run.synapses[call].fed.add(kind)
        units = output[(0,) * batch_dims].numel() if output.numel() else 0
        self.structure.add_neurons(name, name, units)
        info = replace(ANALOG_INPUT.declared(kind), origin=frozenset())
        self.table.learn(output, info)
        return info

    def recurrent_neurons(self, name: str, w_rec: Tensor, out: Tensor, kind: Kind) -> None:
        """The recurrent matrix of a neuron layer with outputs [T, B, N]."""
        weight_id = self.info(w_rec).weight_id
        self.structure.add_weight(name, w_rec, weight_id)
        self.structure.add_synapses(name, (weight_id,), nonzero(w_rec))
        macs = recurrent_products(out.shape).macs
        dots = recurrent_products(out.shape).dot_additions
        self.run.synapses.append(SynapseCall(name, (weight_id,), kind, 1, macs, dots, {kind}))
        layer = self.run.layers[name]
        layer.ops += OpCount(macs=macs, dot_additions=dots)
        if not out.is_meta:
            part = sparse.recurrent_neurons(out, w_rec, kind)
            layer.ac += part.accumulates()
            layer.mac_effective += part.multiplies()
            layer.ac_folded += part.folded

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


def _widths(matrices: Sequence[Tensor], units: int) -> int:
    """Numbers that enter and leave all layers and directions at one step."""
    each = len(matrices) // units
    ends = [matrices[i : i + each] for i in range(0, len(matrices), each)]
    # The last matrix is the recurrent one, from what leaves; or the projection, to what leaves.
    return sum(m[0].shape[1] + m[-1].shape[1 if each == 2 else 0] for m in ends)


def _depth(args: list[Any]) -> tuple[int, int]:
    """Layers and directions of aten::lstm, gru and rnn, packed or not."""
    biased = next(i for i, a in enumerate(args) if isinstance(a, bool))
    return args[biased + 1], 2 if args[biased + 4] else 1
