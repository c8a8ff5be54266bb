"""Calls of operators that multiply by weights, booked to the module that is running."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from torch import Tensor, nn

from liafbench.bench.counting import sparse
from liafbench.bench.counting.counts import SynapseCall
from liafbench.bench.counting.formulas.synaptic import (
    ATTENTION,
    CONVOLUTIONS,
    STATES,
    hidden_units,
    matrices_of,
    steps_of,
)
from liafbench.bench.counting.geometry import Convolution
from liafbench.bench.counting.operators import OPERATORS, OpCount
from liafbench.bench.counting.sparse import Sparse
from liafbench.bench.counting.tensor_info import (
    ANALOG,
    ANALOG_INPUT,
    SPIKES,
    Kind,
    TensorInfo,
    nonzero,
    taps,
)
from liafbench.bench.counting.units import UnitRecorder


class Recorder(UnitRecorder):
    """Books every call to the module that is running; structure is kept from run to run."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        self.fan_outs = sparse.FanOuts()
        self._last: int | None = None

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
        self._begin(key, kind, frames, cost, out.numel())
        moved = sum(t.numel() for t, i in zip(operands, infos, strict=True) if i.role != "weight")
        self._words(moved + out.numel())
        if out.is_meta:
            return
        for operand, info in zip(operands, infos, strict=True):
            if info.role == "input" and info.kind == SPIKES:
                sparse.check_spikes(operand, info, name, self.module)
        self._sparse(sparse.product(name, args, out, self.activity, self.fan_outs))

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
        if self.neurons is None:
            self.structure.add_neurons(self.module, key, units)
        else:  # its units are the layer's
            cost = replace(cost, updates=0)
        self._begin(key, ANALOG, max(steps, 1), cost)
        self.run.synapses[-1].fed.add(ANALOG)
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

    def _begin(
        self, key: Hashable, kind: Kind, frames: int, cost: OpCount, outputs: int = 0
    ) -> None:
        self._last = len(self.run.synapses)
        dots, frame = cost.dot_additions, outputs // max(frames, 1)
        call = SynapseCall(self.module, key, kind, frames, cost.macs, dots, frame)
        self.run.synapses.append(call)
        self.layer.ops += cost

    def _sparse(self, *parts: Sparse) -> None:
        for part in parts:
            self.layer.add_sparse(part)

    def _words(self, words: int) -> None:
        self.layer.activation_words += words


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
