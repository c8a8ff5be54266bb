"""Operators that compute every result from single elements.

One addition, subtraction, multiplication, division, comparison, selection or elementary function
(exp, tanh, sigmoid, sqrt, ...) is one operation. What is composed of them is written out, complex
numbers too: a complex product is 4 multiplications and 2 additions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod
from typing import Any

from liafbench.bench.counting.kinds import bounds, sums
from liafbench.bench.counting.kinds import propagation as kind
from liafbench.bench.counting.operators import NOTHING, Formula, OpCount, numel, register

# -- one by one -----------------------------------------------------------------------------------


def each(additions: int = 0, multiplications: int = 0, others: int = 0) -> OpCount:
    """Operations for one element."""
    return OpCount(additions=additions, multiplications=multiplications, others=others)


PRODUCT, DIVISION = each(2, 4), each(3, 8)
"""Of complex numbers; a division multiplies by the conjugate and divides by the square."""


def pointwise(cost: OpCount) -> Formula:
    """`cost` for every result."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        n = numel(outs[0])
        operands = sum(is_complex(a) for a in args)
        if not operands:
            return cost.times(n)
        product = PRODUCT if operands > 1 else each(0, 2)
        total = OpCount(additions=2 * cost.additions, others=2 * cost.others)
        return (total + product.times(cost.multiplications)).times(n)

    return formula


def is_complex(value: Any) -> bool:
    """Of a number, or of anything with a dtype."""
    return isinstance(value, complex) or (hasattr(value, "shape") and value.dtype.is_complex)


def _divided(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    n = numel(outs[0])
    if is_complex(args[1]):
        return DIVISION.times(n)
    return each(0, 2 if is_complex(args[0]) else 1).times(n)


def _squared(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    return (PRODUCT if is_complex(args[0]) else each(0, 1)).times(numel(outs[0]))


def _modulus(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    return (each(1, 2, 1) if is_complex(args[0]) else each(0, 0, 1)).times(numel(outs[0]))


def _negated(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    return each(0, 2 if is_complex(args[0]) else 1).times(numel(outs[0]))


def scaling(factor: Any, results: int) -> OpCount:
    """Multiplying `results` values by a factor that is part of an operator; by 1 it costs none."""
    return each(0, 0 if factor is None or factor == 1 else 1).times(results)


def _scaled_sum(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """add and sub: `alpha` other than 1 multiplies the second operand."""
    parts = 2 if any(is_complex(a) for a in args) else 1
    n = parts * numel(outs[0])
    return each(1).times(n) + scaling(args[2] if len(args) > 2 else 1, n)


def _gelu(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    cost = each(2, 5, 1) if args[1] == "tanh" else each(1, 3, 1)
    return cost.times(numel(outs[0]))


def _clamp(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    bounds = sum(bound is not None for bound in args[1:3])
    return each(0, 0, bounds).times(numel(outs[0]))


def _dropout(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Nothing in evaluation; F.dropout(training=True) masks and scales."""
    return each(0, 1).times(numel(outs[0])) if args[2] else NOTHING


def _fused(multiplications: int) -> Formula:
    """addcmul and addcdiv: a sum and a product; `value` other than 1 is one more."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        n = numel(outs[0])
        value = args[3] if len(args) > 3 else 1
        return each(1, multiplications).times(n) + scaling(value, n)

    return formula


def _accumulated(place: int) -> Formula:
    """One addition for each value that is added into its place."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        return each(1).times(numel(args[place]))

    return formula


def _index_add(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    n = numel(args[3])
    return each(1).times(n) + scaling(args[4] if len(args) > 4 else 1, n)


def _index_put(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """With `accumulate` one addition for each place that is written to."""
    if not args[3]:
        return NOTHING
    shapes = [tuple(i.shape) for i in args[1] if i is not None]
    rank = max(len(s) for s in shapes)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    places = prod(max(sizes) for sizes in zip(*padded, strict=True))
    kept = [n for i, n in enumerate(args[0].shape) if i >= len(args[1]) or args[1][i] is None]
    return each(1).times(places * prod(kept))


def _scatter(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """`reduce` joins each value to what is there."""
    reduce = args[4] if len(args) > 4 else None
    return NOTHING if reduce is None else each(0, 0, 1).times(numel(args[2]))


def _bincount(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    weights = args[1] if len(args) > 1 else None
    return NOTHING if weights is None else each(1).times(numel(weights))


register("add __radd__", _scaled_sum, sums.added(1))
register("sub subtract", _scaled_sum, sums.added(-1))
register("rsub __rsub__", _scaled_sum, sums.added(-1, turned=True))
register("mul multiply", pointwise(each(0, 1)), kind.linear(sums.multiplied))
register("div divide true_divide", _divided, kind.linear(sums.divided))
register("floor_divide", pointwise(each(0, 1)))
register("square", _squared, bounds.unit_kept)
register("neg negative", _negated, kind.linear(sums.negated))
register("outer", pointwise(each(0, 1)))
register("eq ne lt le gt ge greater less", pointwise(each(others=1)), kind.spiking)
register("maximum minimum fmax fmin", pointwise(each(others=1)), bounds.extreme)
register("abs", _modulus, bounds.absolute)
register("angle", pointwise(each(others=1)))
register("polar", pointwise(each(0, 2, 2)))
register("sign sgn", pointwise(each(others=1)), bounds.sign)
register("where", pointwise(each(others=1)), kind.linear(kind.carried(1, 2)))
register("masked_fill masked_scatter", pointwise(each(others=1)), kind.carried(0, 2))
register("heaviside", pointwise(each(others=1)), bounds.step)
register("bernoulli", pointwise(each(others=1)), kind.spiking)
register("clamp_max", pointwise(each(others=1)), bounds.limited(None, 1, places=True))
register("clamp clip", _clamp, bounds.limited(1, 2, places=True))
register("floor", pointwise(each(others=1)), bounds.rounded_by(math.floor))
register("ceil", pointwise(each(others=1)), bounds.rounded_by(math.ceil))
register("round", pointwise(each(others=1)), bounds.rounded_by(round))
register("trunc fix", pointwise(each(others=1)), bounds.rounded_by(math.trunc))
register("fmod remainder", pointwise(each(others=1)), bounds.remainder)
register("pow sqrt", pointwise(each(others=1)), bounds.unit_kept)
register(
    """
    frac exp exp2 expm1 log log2 log10 log1p rsqrt reciprocal erf erfc erfinv sin cos tan asin acos
    atan atan2 sinh cosh asinh acosh atanh lgamma digamma logaddexp xlogy sinc
    """,
    pointwise(each(others=1)),
)
register("lerp", pointwise(each(2, 1)), kind.linear(kind.unknown))
register("addcmul", _fused(1))
register("addcdiv", _fused(1))
register("dropout feature_dropout alpha_dropout", _dropout, kind.linear(kind.kept_if_unscaled))
register("feature_alpha_dropout", _dropout)
register("index_add", _index_add, kind.accumulated)
register("scatter_add", _accumulated(3), kind.accumulated)
register("index_put _index_put_impl", _index_put, kind.written)
register("scatter", _scatter, kind.written)
register("bincount", _bincount, kind.accumulated)

# -- activation functions -------------------------------------------------------------------------

register("relu", pointwise(each(others=1)), bounds.limited(0, None), "activation")
register("clamp_min", pointwise(each(others=1)), bounds.limited(1, None, places=True), "activation")
register("threshold", pointwise(each(others=1)), kind.carried(0, 2), "activation")
register("relu6", pointwise(each(others=2)), bounds.limited(0, 6), "activation")
register("hardtanh", pointwise(each(others=2)), bounds.limited(1, 2, places=True), "activation")
register("tanh", pointwise(each(others=1)), kind.within(-1, 1), "activation")
register("sigmoid", pointwise(each(others=1)), kind.within(0, 1), "activation")
register("leaky_relu prelu _prelu_kernel rrelu", pointwise(each(0, 1, 1)), None, "activation")
register("elu", pointwise(each(1, 1, 2)), None, "activation")  # x > 0, exp, - 1, * alpha
register("selu celu", pointwise(each(1, 2, 2)), None, "activation")  # elu, and scaled
register("gelu", _gelu, None, "activation")
register("silu", pointwise(each(0, 1, 1)), None, "activation")  # x * sigmoid(x)
# beta * x > limit, log(1 + exp) / beta
register("softplus", pointwise(each(1, 2, 3)), None, "activation")
register("mish", pointwise(each(1, 1, 3)), None, "activation")  # x * tanh(log(1 + exp))
register("hardsigmoid", pointwise(each(1, 1, 2)), kind.within(0, 1), "activation")
register("hardswish", pointwise(each(1, 2, 2)), None, "activation")
# min(x, 0) - log1p(exp(-|x|))
register("logsigmoid log_sigmoid log_sigmoid_forward", pointwise(each(1, 0, 3)), None, "activation")
register("softsign", pointwise(each(1, 1, 1)), kind.within(-1, 1), "activation")
register("glu", pointwise(each(0, 1, 1)))  # a * sigmoid(b)
