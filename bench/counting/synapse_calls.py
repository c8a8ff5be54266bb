"""Calls of synaptic operators: their structure, their sparse counts, what comes out."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import prod
from typing import TYPE_CHECKING, Any

from torch import Tensor

from liafbench.baselines.neurons.step import Step
from liafbench.bench.counting import sparse
from liafbench.bench.counting.geometry import Convolution
from liafbench.bench.counting.known import ANALOG, SPIKES, Kind, Known, nonzero, taps
from liafbench.bench.counting.layers import Synapse
from liafbench.bench.counting.names import (
    ATTENTION,
    CELLS,
    CONVOLUTIONS,
    NEURON,
    RECURRENT,
    RECURRENT_NEURON,
)
from liafbench.bench.counting.neurons import STATES
from liafbench.bench.counting.sparse import Sparse
from liafbench.bench.counting.synaptic import (
    hidden_units,
    matrices_of,
    recurrent_products,
    steps_of,
)
from liafbench.bench.counting.tally import Tally

if TYPE_CHECKING:
    from liafbench.bench.counting.observer import Observer


class SynapseCalls:
    """The observer's part that knows synaptic operators."""

    def __init__(self, observer: Observer) -> None:
        self.o = observer
        self._last: int | None = None

    def count(
        self,
        name: str,
        formula: Callable[..., Tally],
        args: list[Any],
        outs: list[Tensor],
        depends: bool,
    ) -> None:
        """Adds one call to the module that is running."""
        cost = formula(args, outs)
        if name in (NEURON, RECURRENT_NEURON):
            self._operator_neurons(name, cost, args, outs[0])
        elif name in RECURRENT:
            self._recurrent(name, cost, args, outs)
        elif name in CELLS:
            self._cell(name, cost, args, outs)
        elif name == ATTENTION:
            self._attention(cost, args, outs[0])
        elif name == "bilinear":
            self._bilinear(cost, args, outs[0])
        else:
            self._product(name, cost, args, outs[0], depends)

    def results(self, name: str, args: list[Any], outs: list[Tensor]) -> list[Known]:
        """What is known of the results: synaptic currents, or what neurons put out."""
        if name in (NEURON, RECURRENT_NEURON):
            return [self.o.known(outs[0])]
        origin = frozenset() if self._last is None else frozenset({self._last})
        return [Known("input", origin=origin)] * len(outs)

    # -- products -----------------------------------------------------------------------------

    def _product(self, name: str, cost: Tally, args: list[Any], out: Tensor, depends: bool) -> None:
        operands = sparse.operands_of(name, args)
        facts = [self.o.known(t) for t in operands]
        weights = [i for i, f in enumerate(facts) if f.role == "weight"]
        key: Hashable = name
        frames = out.numel() // max(out.shape[-1], 1) if out.dim() else 1
        for i in weights if depends and len(weights) < len(operands) else ():
            weight, fact = operands[i], facts[i]
            self.o.structure.add_weight(self.o.module, weight, fact.number)
            key, synapses, frames = self._geometry(name, args, weight, fact, out, frames)
            self.o.structure.add_synapses(self.o.module, key, synapses)
        kind = next((f.kind for f in facts if f.role == "input"), ANALOG)
        self._begin(key, kind, frames, cost)
        moved = sum(t.numel() for t, f in zip(operands, facts, strict=True) if f.role != "weight")
        self._words(moved + out.numel())
        if out.is_meta:
            return
        for operand, fact in zip(operands, facts, strict=True):
            if fact.role == "input" and fact.kind == SPIKES:
                sparse.check_spikes(operand, name, self.o.module)
        self._layer.add_sparse(sparse.product(name, args, out, self.o.known, self.o.fan_outs))

    def _geometry(
        self, name: str, args: list[Any], weight: Tensor, fact: Known, out: Tensor, frames: int
    ) -> tuple[Hashable, int, int]:
        """What tells uses of a weight apart, its connections, and frames in the batch."""
        if name not in CONVOLUTIONS:
            return (fact.number,), nonzero(weight), frames
        conv = Convolution.read(name, args)
        dims = len(weight.shape) - 2
        extra = self.o.known(conv.x).padding
        extra = extra if len(extra) == dims and not conv.transposed else ()
        geometry = conv.geometry(out.shape, extra)
        temporal = dims == 3
        frames = conv.frames() * (out.shape[-3] if temporal else 1)
        if temporal:  # another length of time is no other geometry
            spatial = (geometry.inputs[1:], geometry.padding[1:], geometry.stride[1:])
            key: Hashable = (fact.number, spatial, geometry.dilation, geometry.groups)
        else:
            key = (fact.number, geometry)
        return key, geometry.synapses(taps(weight), temporal), frames

    # -- recurrent layers ---------------------------------------------------------------------

    def _recurrent(self, name: str, cost: Tally, args: list[Any], outs: list[Tensor]) -> None:
        layers, directions = _depth(args)
        matrices, steps = matrices_of(args), steps_of(args)
        self._units(name, cost, matrices, hidden_units(name, matrices), steps)
        self._words(steps * _widths(matrices, layers * directions))
        if not outs[0].is_meta:
            parts = sparse.recurrent(args, self.o.known, self.o.fan_outs, layers, directions)
            for part in parts:
                self._layer.add_sparse(part)

    def _cell(self, name: str, cost: Tally, args: list[Any], outs: list[Tensor]) -> None:
        x, w_ih, w_hh = args[0], args[2], args[3]
        rows = prod(x.shape[:-1])
        self._units(name.removesuffix("_cell"), cost, [w_ih, w_hh], w_hh.shape[1], rows)
        self._words(x.numel() + outs[0].numel())
        if outs[0].is_meta:
            return
        inputs = [x, w_ih]
        self._layer.add_sparse(
            sparse.product("linear", inputs, outs[0], self.o.known, self.o.fan_outs)
        )
        self._layer.add_sparse(Sparse(ANALOG, rows * nonzero(w_hh), 0))

    def _units(
        self, name: str, cost: Tally, matrices: list[Tensor], units: int, steps: int
    ) -> None:
        module, structure = self.o.module, self.o.structure
        for matrix in matrices:
            number = self.o.known(matrix).number
            structure.add_weight(module, matrix, number)
            structure.add_synapses(module, (number,), nonzero(matrix))
        key = ("units", *(self.o.known(m).number for m in matrices))
        structure.add_neurons(module, key, units)
        self._begin(key, ANALOG, max(steps, 1), cost)
        layer = self._layer
        layer.adds += cost.additions
        layer.muls += cost.multiplications
        layer.state_words += 2 * STATES[name] * cost.updates

    # -- attention and neurons ----------------------------------------------------------------

    def _attention(self, cost: Tally, args: list[Any], out: Tensor) -> None:
        self._begin(ATTENTION, ANALOG, 1, cost)
        self._words(sum(t.numel() for t in args[:3]) + out.numel())
        if not out.is_meta:
            for part in sparse.attention(args, out, self.o.known):
                self._layer.add_sparse(part)
        self._last = None

    def _bilinear(self, cost: Tally, args: list[Any], out: Tensor) -> None:
        weight = args[2]
        number = self.o.known(weight).number
        self.o.structure.add_weight(self.o.module, weight, number)
        count = nonzero(weight)
        self.o.structure.add_synapses(self.o.module, (number,), count)
        self._begin((number,), ANALOG, out.numel() // out.shape[-1], cost)
        self._words(args[0].numel() + args[1].numel() + out.numel())
        if not out.is_meta:
            for part in sparse.bilinear(args, self.o.known):
                self._layer.add_sparse(part)

    def _operator_neurons(self, name: str, cost: Tally, args: list[Any], out: Tensor) -> None:
        recurrent = name == RECURRENT_NEURON
        kind: Kind = SPIKES if Step.read(args[-1]).output == "spike" else ANALOG
        module = self.o.module
        origin = self.o.known(args[0]).origin
        self.o.fire(module, cost, origin, out, kind, 2)
        if recurrent:
            self.recurrent_neurons(module, args[1], out, kind)

    def recurrent_neurons(self, module: str, w_rec: Tensor, out: Tensor, kind: Kind) -> None:
        """The recurrent matrix of a neuron layer with outputs [T, B, N]."""
        number = self.o.known(w_rec).number
        self.o.structure.add_weight(module, w_rec, number)
        count = nonzero(w_rec)
        self.o.structure.add_synapses(module, (number,), count)
        products = recurrent_products(out.shape)
        call = Synapse(module, (number,), kind, 1, products.macs, products.dot_additions, {kind})
        self.o.run.synapses.append(call)
        layer = self.o.run.layers[module]
        layer.tally += Tally(macs=products.macs, dot_additions=products.dot_additions)
        if not out.is_meta:
            layer.add_sparse(sparse.recurrent_neurons(out, w_rec, kind))

    # -- bookkeeping --------------------------------------------------------------------------

    @property
    def _layer(self) -> Any:
        return self.o.run.layers[self.o.module]

    def _begin(self, key: Hashable, kind: Kind, frames: int, cost: Tally) -> None:
        self._last = len(self.o.run.synapses)
        call = Synapse(self.o.module, key, kind, frames, cost.macs, cost.dot_additions)
        self.o.run.synapses.append(call)
        self._layer.tally += cost

    def _words(self, words: int) -> None:
        self._layer.activation_words += words


def _widths(matrices: list[Tensor], units: int) -> int:
    """Numbers that enter and leave all layers and directions at one step."""
    each = len(matrices) // units
    ends = [matrices[i : i + each] for i in range(0, len(matrices), each)]
    # The last matrix is the recurrent one, from what leaves; or the projection, to what leaves.
    return sum(m[0].shape[1] + m[-1].shape[1 if each == 2 else 0] for m in ends)


def _depth(args: list[Any]) -> tuple[int, int]:
    """Layers and directions of aten::lstm, gru and rnn, packed or not."""
    packed = isinstance(args[1], Tensor) and not isinstance(args[3], bool)
    biased = next(i for i, a in enumerate(args) if isinstance(a, bool))
    layers = args[biased + 1]
    directions = 2 if args[biased + 4] else 1
    assert isinstance(layers, int), packed
    return layers, directions
