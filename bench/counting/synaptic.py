"""Multiply-accumulates of the operators that multiply by weights, dense, padding included."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

from liafbench.baselines.neurons.step import Step
from liafbench.bench.counting.geometry import Convolution
from liafbench.bench.counting.names import (
    ATTENTION,
    CELLS,
    CONVOLUTIONS,
    NEURON,
    RECURRENT,
    RECURRENT_NEURON,
)
from liafbench.bench.counting.neurons import GATES, UNIT_COST, cost_of
from liafbench.bench.counting.pointwise import Formula, numel, pointwise
from liafbench.bench.counting.reductions import FORMULAS, SPECIAL
from liafbench.bench.counting.tally import NOTHING, Tally, UncountableError


def _dots(results: int, terms: int) -> Tally:
    """`results` dot products of `terms` terms."""
    return Tally(macs=results * terms, dot_additions=results * max(terms - 1, 0))


def _convolution(name: str) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        conv = Convolution.read(name, args)
        taps = prod(conv.weight.shape[2:])
        positions = numel(conv.x) if conv.transposed else numel(outs[0])
        pairs = positions * conv.weight.shape[1]
        return Tally(macs=pairs * taps, dot_additions=pairs * (taps - 1))

    return formula


def _contracted(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """Products over the last axis of the first operand: linear, matmul, mm, bmm, mv, dot."""
    terms = args[0].shape[-1] if args[0].shape else 1
    return _dots(numel(outs[0]), terms)


def _accumulated(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """addmm, addmv, baddbmm: the first operand is what the product is accumulated on."""
    return _dots(numel(outs[0]), args[1].shape[-1])


def _addbmm(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    return _dots(numel(outs[0]), args[1].shape[0] * args[1].shape[-1])


def _tensordot(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    return _dots(numel(outs[0]), prod(args[0].shape[axis] for axis in args[2]))


def _bilinear(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """x1 W for every output, then times x2."""
    rows = prod(args[0].shape[:-1])
    out, left, right = args[2].shape
    return _dots(rows * out * right, left) + _dots(rows * out, right)


def einsum_sizes(equation: str, shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """Extent of every index of an einsum; `...` becomes capital letters from the right."""
    sizes: dict[str, int] = {}
    for term, shape in zip(spelled(equation, shapes)[0], shapes, strict=True):
        for index, size in zip(term, shape, strict=True):
            sizes[index] = max(size, sizes.get(index, 1))
    return sizes


def spelled(equation: str, shapes: Sequence[Sequence[int]]) -> tuple[list[str], str]:
    """Operand terms and output term of an einsum without spaces and ellipses."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    spare = "ZYXWVUTSRQPONMLKJIHGFEDCBA"
    spare = "".join(c for c in spare if c not in left)
    widest = 0
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        dots = len(shape) - len(term.replace("...", ""))
        if "..." in term:
            widest = max(widest, dots)
            terms[i] = term.replace("...", spare[:dots][::-1])
    whole = spare[:widest][::-1]
    if not arrow:
        once = sorted(c for c in set("".join(terms)) if left.count(c) == 1)
        return terms, whole + "".join(c for c in once if c not in whole)
    return terms, right.replace("...", whole)


def _einsum(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """Two operands: one MAC for every combination of indices. More: from left to right."""
    equation, operands = args[0], args[1]
    shapes = [tuple(operand.shape) for operand in operands]
    terms, right = spelled(equation, shapes)
    sizes = einsum_sizes(equation, shapes)
    total, current = NOTHING, terms[0]
    for i, term in enumerate(terms[1:], start=2):
        both = set(current) | set(term)
        kept = both & set(right + "".join(terms[i:]))
        results = prod(sizes[c] for c in kept)
        total += _dots(results, prod(sizes[c] for c in both - kept))
        current = "".join(sorted(kept))
    return total


def steps_of(args: Sequence[Any]) -> int:
    """Time steps times batch of a recurrent operator, packed or not."""
    return numel(args[0]) // args[0].shape[-1]


def matrices_of(args: Sequence[Any]) -> list[Any]:
    """The 2-D weights of a recurrent operator, layer by layer, direction by direction."""
    packed = hasattr(args[1], "shape") and not isinstance(args[3], bool)
    weights = args[3] if packed else args[2]
    return [w for w in weights if len(w.shape) == 2]


def hidden_units(name: str, matrices: Sequence[Any]) -> int:
    """Units of all layers and directions; every one has an input and a recurrent matrix."""
    widths = {tuple(m.shape) for m in matrices}
    gate_rows = max(shape[0] for shape in widths)
    return sum(m.shape[0] for m in matrices if m.shape[0] == gate_rows) // GATES[name] // 2


def _recurrent(name: str) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        steps, matrices = steps_of(args), matrices_of(args)
        units = hidden_units(name, matrices)
        products = NOTHING
        for matrix in matrices:
            products += _dots(steps * matrix.shape[0], matrix.shape[1])
        return products + UNIT_COST[name].times(steps * units) + Tally(updates=steps * units)

    return formula


def _cell(name: str) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        rows = prod(args[0].shape[:-1])
        w_ih, w_hh = args[2], args[3]
        units = w_hh.shape[1]
        products = _dots(rows * w_ih.shape[0], w_ih.shape[1])
        products += _dots(rows * w_hh.shape[0], w_hh.shape[1])
        return products + UNIT_COST[name].times(rows * units) + Tally(updates=rows * units)

    return formula


def _attention(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """Q K^T scaled, masked, softmax, times V; a causal mask is counted in full."""
    q, k, v, mask, p, causal = args[:6]
    rows = numel(outs[0]) // v.shape[-1]
    scores = rows * k.shape[-2]
    masked = mask is not None or causal
    softmax = SPECIAL["softmax"]([_Shape((rows, k.shape[-2])), 1], [_Shape((rows, k.shape[-2]))])
    cost = _dots(scores, q.shape[-1]) + _dots(numel(outs[0]), k.shape[-2])
    cost += softmax + Tally(multiplications=scores, additions=scores * int(masked))
    return cost + Tally(multiplications=scores * int(p > 0))


class _Shape:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape


def _neuron(recurrent: bool) -> Formula:
    """Our fused operators; see `liafbench.baselines.neurons.operators` for their arguments."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        x, step = args[0], Step.read(args[-1])
        cost = cost_of(step).times(numel(x)) + Tally(updates=numel(x))
        if recurrent:
            cost += recurrent_products(x.shape)
        return cost

    return formula


def recurrent_products(shape: Sequence[int]) -> Tally:
    """W_rec Y[t-1] of currents [T, B, N], the first step included, and joining it to them."""
    states = prod(shape)
    return _dots(states, shape[-1]) + Tally(additions=states)


SYNAPTIC_FORMULAS: dict[str, Formula] = {
    **{name: _convolution(name) for name in CONVOLUTIONS},
    **dict.fromkeys(
        ("linear", "matmul", "__matmul__", "mm", "bmm", "mv", "dot", "vdot", "inner"),
        _contracted,
    ),
    **dict.fromkeys(("addmm", "addmv", "baddbmm"), _accumulated),
    "addbmm": _addbmm,
    "tensordot": _tensordot,
    "bilinear": _bilinear,
    "einsum": _einsum,
    **{name: _recurrent(name) for name in RECURRENT},
    **{name: _cell(re.sub("_cell$", "", name)) for name in CELLS},
    ATTENTION: _attention,
    NEURON: _neuron(recurrent=False),
    RECURRENT_NEURON: _neuron(recurrent=True),
}


def formula_for(name: str) -> Formula | None:
    """The cost of an operator by base name, or None if it has no formula."""
    return SYNAPTIC_FORMULAS.get(name) or FORMULAS.get(name) or pointwise(name)


def uncountable(operator: str, module: str, reason: str = "") -> UncountableError:
    """The refusal of one operator in one module."""
    where = f"module {module!r}" if module else "the module itself"
    why = reason or (
        "its cost is not known; write it with known operators, or add its formula to "
        "liafbench.bench.counting"
    )
    return UncountableError(f"cannot count operator {operator} in {where}: {why}")
