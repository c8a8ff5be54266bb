"""Operators that multiply by weights, dense, padding included."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from liafbench.bench.counting.formulas.elementwise import is_complex, scaling
from liafbench.bench.counting.formulas.reductions import SOFTMAX, SOFTMAX_ROW
from liafbench.bench.counting.geometry import Convolution
from liafbench.bench.counting.operators import COUNTED, NOTHING, Formula, OpCount, numel, register


def dots(results: int, terms: int) -> OpCount:
    """`results` dot products of `terms` terms."""
    return OpCount(macs=results * terms, dot_additions=results * max(terms - 1, 0))


def product(formula: Formula) -> Formula:
    """A MAC of two complex numbers is four real ones; of a complex and a real one, two."""

    def real(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        cost = formula(args, outs)
        tensors = [a for v in args for a in (v if isinstance(v, list | tuple) else [v])]
        multiplied = [t for t in tensors if hasattr(t, "shape")][-3:]
        factor = 2 ** min(sum(is_complex(t) for t in multiplied), 2)
        if factor == 1:
            return cost
        return OpCount(factor * cost.macs, *(2 * getattr(cost, n) for n in COUNTED[1:]))

    return real


def _convolution(name: str) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        conv = Convolution.read(name, args)
        taps = prod(conv.weight.shape[2:])
        positions = numel(conv.x) if conv.transposed else numel(outs[0])
        pairs = positions * conv.weight.shape[1]
        return OpCount(macs=pairs * taps, dot_additions=pairs * (taps - 1))

    return formula


def _contracted(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Products over the last axis of the first operand: linear, matmul, mm, bmm, mv, dot."""
    terms = args[0].shape[-1] if args[0].shape else 1
    return dots(numel(outs[0]), terms)


def _accumulated(batched: bool = False) -> Formula:
    """addmm and the like: the first operand is what the product is accumulated on.

    Its factor `beta` and the product's factor `alpha` multiply where they are not 1.
    """

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        n, (beta, alpha) = numel(outs[0]), args[3:5]
        terms = args[1].shape[0] * args[1].shape[-1] if batched else args[1].shape[-1]
        scaled = NOTHING if beta == 0 else scaling(beta, numel(args[0]))
        return dots(n, terms) + scaled + scaling(alpha, n)

    return formula


def _tensordot(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    return dots(numel(outs[0]), prod(args[0].shape[axis] for axis in args[2]))


def _bilinear(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """x1 W for every output, then times x2."""
    rows = prod(args[0].shape[:-1])
    out, left, right = args[2].shape
    return dots(rows * out * right, left) + dots(rows * out, right)


def einsum_sizes(equation: str, shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """Extent of every index of an einsum; `...` becomes capital letters from the right."""
    sizes: dict[str, int] = {}
    for term, shape in zip(written_out(equation, shapes)[0], shapes, strict=True):
        for index, size in zip(term, shape, strict=True):
            sizes[index] = max(size, sizes.get(index, 1))
    return sizes


def written_out(equation: str, shapes: Sequence[Sequence[int]]) -> tuple[list[str], str]:
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


def _einsum(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Two operands: one MAC for every combination of indices. More: from left to right."""
    equation, operands = args[0], args[1]
    shapes = [tuple(operand.shape) for operand in operands]
    terms, right = written_out(equation, shapes)
    sizes = einsum_sizes(equation, shapes)
    total, current = NOTHING, terms[0]
    for i, term in enumerate(terms[1:], start=2):
        both = set(current) | set(term)
        kept = both & set(right + "".join(terms[i:]))
        results = prod(sizes[c] for c in kept)
        total += dots(results, prod(sizes[c] for c in both - kept))
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
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        steps, matrices = steps_of(args), matrices_of(args)
        units = hidden_units(name, matrices)
        products = NOTHING
        for matrix in matrices:
            products += dots(steps * matrix.shape[0], matrix.shape[1])
        return products + UNIT_COST[name].times(steps * units) + OpCount(updates=steps * units)

    return formula


def _cell(name: str) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        rows = prod(args[0].shape[:-1])
        w_ih, w_hh = args[2], args[3]
        units = w_hh.shape[1]
        products = dots(rows * w_ih.shape[0], w_ih.shape[1])
        products += dots(rows * w_hh.shape[0], w_hh.shape[1])
        return products + UNIT_COST[name].times(rows * units) + OpCount(updates=rows * units)

    return formula


def _attention(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Q K^T scaled, masked, softmax, times V; a causal mask is counted in full."""
    q, k, v, mask, p, causal = args[:6]
    rows = numel(outs[0]) // v.shape[-1]
    scores = rows * k.shape[-2]
    masked = mask is not None or causal
    cost = dots(scores, q.shape[-1]) + dots(numel(outs[0]), k.shape[-2])
    cost += SOFTMAX.times(scores) + SOFTMAX_ROW.times(rows)
    return cost + OpCount(multiplications=scores * (1 + int(p > 0)), additions=scores * int(masked))


UNIT_COST: dict[str, OpCount] = {
    # 4 joins of W_ih x and W_hh h, f*c + i*g, o*tanh(c); 3 sigmoids, 2 tanh
    "lstm": OpCount(additions=5, multiplications=3, others=5),
    # 3 joins, r*n, n + z*(h - n); 2 sigmoids, 1 tanh
    "gru": OpCount(additions=5, multiplications=2, others=3),
    "rnn_tanh": OpCount(additions=1, others=1),
    "rnn_relu": OpCount(additions=1, others=1),
}
"""Operations of one step of one recurrent unit, with its gates."""

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}

STATES = {"lstm": 2, "gru": 1, "rnn_tanh": 1, "rnn_relu": 1}
"""Numbers that a unit carries from one step to the next."""

CONVOLUTIONS = ["_convolution", "convolution", "_convolution_mode"]
CONVOLUTIONS += [f"conv{turned}{d}d" for turned in ("", "_transpose") for d in (1, 2, 3)]
ATTENTION = "scaled_dot_product_attention"

for _name in CONVOLUTIONS:
    register(_name, product(_convolution(_name)), sort="product")
register("linear matmul __matmul__ mm bmm mv", product(_contracted), sort="product")
register("dot vdot inner", product(_contracted), sort="product")
register("addmm addmv baddbmm", product(_accumulated()), sort="product")
register("addbmm", product(_accumulated(batched=True)), sort="product")
register("tensordot", product(_tensordot), sort="product")
register("bilinear", _bilinear, sort="product")
register(
    "affine_grid_generator",
    lambda args, outs: dots(numel(outs[0]), args[0].shape[-1]),
    sort="reduction",
)
register("einsum", product(_einsum), sort="product")
register(ATTENTION, _attention, sort="product")
for _name in UNIT_COST:
    register(_name, _recurrent(_name), sort="layer")
    register(f"{_name}_cell", _cell(_name), sort="cell")
