"""Exact sparse counts: activity times the real fan-out, in float64."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from liafbench.bench.counting.errors import UncountableError
from liafbench.bench.counting.formulas.synaptic import (
    CONVOLUTIONS,
    einsum_sizes,
    matrices_of,
    steps_of,
    written_out,
)
from liafbench.bench.counting.geometry import Convolution
from liafbench.bench.counting.tensor_info import (
    ANALOG,
    GRADED,
    SPIKES,
    Kind,
    TensorInfo,
    indicator,
    nonzero,
    presence,
    spike_events,
)

InfoOf = Callable[[Tensor], TensorInfo]
aten = torch.ops.aten


@dataclass(frozen=True)
class Sparse:
    """Operations of one call: of what kind, how many, and with pooling folded into the fan-out."""

    kind: Kind
    count: int
    folded: int

    def accumulates(self) -> int:
        """Accumulate operations: those of spikes."""
        return self.count if self.kind == SPIKES else 0

    def multiplies(self) -> int:
        """Effective multiply-accumulates: those of analog and graded inputs."""
        return 0 if self.kind == SPIKES else self.count


class FanOuts:
    """Fan-out maps, computed once for each weight and geometry."""

    def __init__(self) -> None:
        self._maps: dict[Hashable, Tensor] = {}

    def of(self, conv: Convolution, weight_id: Hashable, out_shape: Sequence[int]) -> Tensor:
        """Of a convolution; float64 [channels, *inputs]."""
        geometry = conv.geometry(out_shape)
        key = (weight_id, geometry)
        if key not in self._maps:
            self._maps[key] = geometry.fan_out(indicator(conv.weight))
        return self._maps[key]

    def of_matrix(self, weight: Tensor, weight_id: Hashable) -> Tensor:
        """Non-zero weights in every column of [outputs, inputs]; float64 [inputs]."""
        if weight_id not in self._maps:
            self._maps[weight_id] = indicator(weight).sum(0)
        return self._maps[weight_id]


def check_spikes(x: Tensor, info: TensorInfo, operator: str, module: str) -> None:
    """Declared spikes that are not 0 or 1 are an error, never a wrong count."""
    if info.rounded:
        x = x.round()
    if not bool(((x == 0) | (x == 1)).all()):
        raise UncountableError(
            f"the input of {operator} in module {module!r} is declared as spikes but holds other "
            "values than 0 and 1; declare it as 'graded' or 'analog' (input_kind, output_kind)"
        )


def operands_of(name: str, args: Sequence[Any]) -> list[Tensor]:
    """The tensors that an operator multiplies, without what it accumulates on."""
    if name == "einsum":
        return list(args[1])
    if name in ("addmm", "addmv", "baddbmm", "addbmm"):
        return [args[1], args[2]]
    return [args[0], args[1]]


def product(name: str, args: Sequence[Any], out: Tensor, info: InfoOf, fan_outs: FanOuts) -> Sparse:
    """Sparse counts of a convolution, linear, matmul, einsum, ...: any product of two tensors."""
    operands = operands_of(name, args)
    infos = [info(t) for t in operands]
    kind = _kind_of(infos)
    if len(operands) != 2:
        count = _chain(args[0], operands, infos)
        return Sparse(kind, count, count if kind == SPIKES else 0)
    present = [presence(t, f) if f.role != "weight" else None for t, f in _pairs(operands, infos)]
    count = _multiplied(name, args, operands, infos, present, out, fan_outs)
    if kind == SPIKES:
        return Sparse(kind, count, count)
    if kind == ANALOG or sum(f.role == "input" for f in infos) != 1:
        return Sparse(kind, count, 0)
    events = [spike_events(t, f) if f.role == "input" else None for t, f in _pairs(operands, infos)]
    if all(e is None for e in events):
        return Sparse(kind, count, 0)
    folded = _multiplied(name, args, operands, infos, events, out, fan_outs)
    return Sparse(kind, count, folded)


def _chain(equation: str, operands: list[Tensor], infos: list[TensorInfo]) -> int:
    """An einsum from left to right; what comes in between counts dense."""
    shapes = [tuple(t.shape) for t in operands]
    terms, right_side = written_out(equation, shapes)
    sizes = einsum_sizes(equation, shapes)
    active = [
        indicator(t) if f.role == "weight" else presence(t, f).double()
        for t, f in _pairs(operands, infos)
    ]
    if len(operands) == 1:
        return 0
    total, current, left = 0, terms[0], active[0]
    for i, (term, right) in enumerate(zip(terms[1:], active[1:], strict=True), start=2):
        total += _total(torch.einsum(f"{current},{term}->", left, right))
        later = set("".join(terms[i:])) | set(right_side)
        current = "".join(sorted((set(current) | set(term)) & later))
        left = torch.ones([sizes[c] for c in current], dtype=torch.float64)
    return total


def _pairs(operands: list[Tensor], infos: list[TensorInfo]) -> list[tuple[Tensor, TensorInfo]]:
    return list(zip(operands, infos, strict=True))


def _kind_of(infos: Sequence[TensorInfo]) -> Kind:
    """Spikes gate whatever they meet: one binary operand saves the multiplication."""
    kinds = {f.kind for f in infos if f.role == "input"}
    for kind in (SPIKES, GRADED):
        if kind in kinds:
            return kind
    return ANALOG


def _multiplied(
    name: str,
    args: Sequence[Any],
    operands: list[Tensor],
    infos: list[TensorInfo],
    activity: list[Tensor | None],
    out: Tensor,
    fan_outs: FanOuts,
) -> int:
    x, weight = activity[0], infos[1]
    if x is not None and weight.role == "weight":
        if name in CONVOLUTIONS:
            conv = Convolution.read(name, args)
            return _sent(x, fan_outs.of(conv, weight.weight_id, out.shape))
        if name == "linear":
            return _sent(x, fan_outs.of_matrix(operands[1], weight.weight_id))
    left, right = (
        indicator(t) if a is None else a.double() for t, a in zip(operands, activity, strict=True)
    )
    return _total(_product_of(name, args, left, right))


def _sent(activity: Tensor, fan_out: Tensor) -> int:
    """Activity [batch..., *places] times the fan-out of its place; the batch is summed first."""
    batch = activity.dim() - fan_out.dim()
    active = activity.flatten(0, batch - 1).sum(0, dtype=torch.float64) if batch else activity
    return _total(active * fan_out)


def _product_of(name: str, args: Sequence[Any], left: Tensor, right: Tensor) -> Tensor:
    """The operator itself on indicators, without bias."""
    if name in CONVOLUTIONS:
        conv = Convolution.read(name, args)
        if any(a != b for a, b in conv.padding):
            raise UncountableError(f"{name} of two inputs with one-sided padding is not counted")
        pads = [a for a, _ in conv.padding]
        extra = args[7] if name in ("_convolution", "convolution") else [0] * len(pads)
        if name.startswith("conv_transpose"):
            extra = args[5]
        return aten.convolution(
            left,
            right,
            None,
            conv.stride,
            pads,
            conv.dilation,
            conv.transposed,
            extra,
            conv.groups,
        )
    if name == "einsum":
        return torch.einsum(args[0], left, right)
    if name == "tensordot":
        return torch.tensordot(left, right, dims=(list(args[2]), list(args[3])))
    if name == "linear":
        return left @ right.mT if right.dim() > 1 else left @ right
    if name in ("dot", "vdot", "inner"):
        return torch.inner(left, right)
    return left @ right


def bilinear(args: Sequence[Any], info: InfoOf) -> list[Sparse]:
    """x1 W by what is non-zero in both, then every result times what is non-zero in x2."""
    left, right, weight = args[0], args[1], args[2]
    infos = info(left), info(right)
    first = _total(
        torch.einsum("...i,oij->...oj", presence(left, infos[0]).double(), indicator(weight))
    )
    second = weight.shape[0] * _total(presence(right, infos[1]))
    found = []
    for one, count in zip(infos, (first, second), strict=True):
        found.append(Sparse(one.kind, count, count if one.kind == SPIKES else 0))
    return found


def _total(products: Tensor) -> int:
    return int(products.sum().item())


def recurrent(
    args: Sequence[Any], info: InfoOf, fan_outs: FanOuts, layers: int, directions: int
) -> list[Sparse]:
    """nn.LSTM, GRU and RNN: what is non-zero in the input, and every state, the first one too."""
    x, steps = args[0], steps_of(args)
    matrices = matrices_of(args)
    own = info(x)
    per_unit = len(matrices) // (layers * directions)
    inputs = dense = folded = 0
    events = spike_events(x, own)
    for i, matrix in enumerate(matrices):
        if i % per_unit == 0 and i < per_unit * directions:
            fan = fan_outs.of_matrix(matrix, info(matrix).weight_id)
            inputs += _sent(presence(x, own), fan)
            folded += 0 if events is None else _sent(events, fan)
        else:
            dense += steps * nonzero(matrix)
    if own.kind == SPIKES:
        folded = inputs
    return [Sparse(own.kind, inputs, folded), Sparse(ANALOG, dense, 0)]


def attention(args: Sequence[Any], out: Tensor, info: InfoOf) -> list[Sparse]:
    """Q K^T by what is non-zero in both; the weights times V, where the mask lets them through."""
    q, k, v, mask = args[0], args[1], args[2], args[3]
    causal, grouped = bool(args[5]), len(args) > 7 and bool(args[7])
    present = [presence(t, info(t)).double() for t in (q, k, v)]
    if grouped:
        repeats = q.shape[-3] // k.shape[-3]
        present[1:] = [p.repeat_interleave(repeats, -3) for p in present[1:]]
    scores = present[0] @ present[1].mT
    allowed = torch.ones(scores.shape, dtype=torch.float64)
    if causal:
        allowed = allowed.tril()
    if mask is not None:
        allowed = allowed * ((mask if mask.dtype == torch.bool else mask != -torch.inf).double())
    first = _kind_of([info(q), info(k)])
    second = _kind_of([info(v)])
    count, weighted = _total(scores), _total(allowed @ present[2])
    return [
        Sparse(first, count, count if first == SPIKES else 0),
        Sparse(second, weighted, weighted if second == SPIKES else 0),
    ]


def recurrent_neurons(y: Tensor, w_rec: Tensor, kind: Kind) -> Sparse:
    """W_rec Y[t-1] of a neuron layer with outputs y [T, B, N]; before the first step Y is 0."""
    count = _total(indicator(y[:-1]) * indicator(w_rec).sum(0))
    return Sparse(kind, count, count if kind == SPIKES else 0)
