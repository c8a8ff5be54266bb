"""Operations per output element of every pointwise operator, and of reductions and norms.

One addition, subtraction, multiplication, division, comparison, selection or elementary function
(exp, tanh, sigmoid, sqrt, ...) is one operation. What is composed of them is written out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from liafbench.bench.counting.tally import NOTHING, Tally

Formula = Callable[[Sequence[Any], Sequence[Any]], Tally]
"""From the operator's arguments and results (anything with a shape) to its cost."""


def _each(additions: int = 0, multiplications: int = 0, others: int = 0) -> Tally:
    return Tally(additions=additions, multiplications=multiplications, others=others)


PER_ELEMENT: dict[str, Tally] = {
    **dict.fromkeys(("add", "sub", "rsub", "subtract", "__radd__", "__rsub__"), _each(1)),
    **dict.fromkeys(
        ("mul", "div", "multiply", "divide", "true_divide", "square", "neg", "outer"), _each(0, 1)
    ),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), _each(0, 0, 1)),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin", "abs", "sign", "sgn"), _each(0, 0, 1)),
    **dict.fromkeys(("where", "masked_fill", "masked_scatter", "heaviside"), _each(0, 0, 1)),
    **dict.fromkeys(("relu", "threshold", "clamp_min", "clamp_max", "bernoulli"), _each(0, 0, 1)),
    **dict.fromkeys(("relu6", "hardtanh"), _each(0, 0, 2)),
    **dict.fromkeys(
        ("floor", "ceil", "round", "trunc", "frac", "fmod", "remainder"), _each(0, 0, 1)
    ),
    **dict.fromkeys(("exp", "exp2", "expm1", "log", "log2", "log10", "log1p"), _each(0, 0, 1)),
    **dict.fromkeys(("sqrt", "rsqrt", "reciprocal", "pow", "erf", "erfc"), _each(0, 0, 1)),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan", "atan2"), _each(0, 0, 1)),
    **dict.fromkeys(("sinh", "cosh", "tanh", "sigmoid"), _each(0, 0, 1)),
    **dict.fromkeys(("leaky_relu", "prelu", "_prelu_kernel"), _each(0, 1, 1)),
    "elu": _each(1, 1, 2),  # x > 0, exp, - 1, * alpha
    "selu": _each(1, 2, 2),  # elu, * scale
    "celu": _each(1, 2, 2),  # elu of x / alpha
    "silu": _each(0, 1, 1),  # x * sigmoid(x)
    "glu": _each(0, 1, 1),  # a * sigmoid(b)
    "softplus": _each(1, 2, 3),  # beta * x > limit, log(1 + exp) / beta
    "mish": _each(1, 1, 3),  # x * tanh(log(1 + exp))
    "hardsigmoid": _each(1, 1, 2),  # relu6(x + 3) / 6
    "hardswish": _each(1, 2, 2),
    "log_sigmoid": _each(1, 0, 3),  # min(x, 0) - log1p(exp(-|x|))
    "softsign": _each(1, 1, 1),
    "lerp": _each(2, 1),
    "addcmul": _each(1, 1),
    "addcdiv": _each(1, 1),
}

GELU = {"none": _each(1, 3, 1), "tanh": _each(2, 5, 1)}


def pointwise(name: str) -> Formula | None:
    """The formula of a pointwise operator, or None."""
    if name in SPECIAL:
        return SPECIAL[name]
    if name not in PER_ELEMENT:
        return None
    cost = PER_ELEMENT[name]
    return lambda args, outs: cost.times(numel(outs[0]))


def numel(tensor: Any) -> int:
    """Number of elements of anything with a shape."""
    return prod(tensor.shape)


def _scaled_sum(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """add and sub: `alpha` other than 1 multiplies the second operand."""
    alpha = args[2] if len(args) > 2 else 1
    return _each(1, 0 if alpha == 1 else 1).times(numel(outs[0]))


def _gelu(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    return GELU[args[1]].times(numel(outs[0]))


def _clamp(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    bounds = sum(bound is not None for bound in args[1:3])
    return _each(0, 0, bounds).times(numel(outs[0]))


def _dropout(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """Nothing in evaluation; F.dropout(training=True) masks and scales."""
    return _each(0, 1).times(numel(outs[0])) if args[2] else NOTHING


def _softmax(extra: Tally, per_row: Tally) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        n = outs[0].shape[args[1]] if outs[0].shape else 1
        return extra.times(numel(outs[0])) + per_row.times(numel(outs[0]) // max(n, 1))

    return formula


def reduction(per_input: Tally, per_output: Tally) -> Formula:
    """For sums, means, maxima: n - 1 operations for n inputs, then something for each output."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        results = numel(outs[0])
        joins = max(numel(args[0]) - results, 0)
        return per_input.times(joins) + per_output.times(results)

    return formula


def _scan(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    n = outs[0].shape[args[1]] if outs[0].shape else 1
    return _each(1).times(numel(outs[0]) // max(n, 1) * (n - 1))


SPECIAL: dict[str, Formula] = {
    "add": _scaled_sum,
    "sub": _scaled_sum,
    "rsub": _scaled_sum,
    "gelu": _gelu,
    "clamp": _clamp,
    "clip": _clamp,
    "dropout": _dropout,
    "feature_dropout": _dropout,
    "alpha_dropout": _dropout,
    "feature_alpha_dropout": _dropout,
    # max, x - max, exp, sum, / sum
    "softmax": _softmax(_each(2, 1, 2), _each(-1, 0, -1)),
    "_softmax": _softmax(_each(2, 1, 2), _each(-1, 0, -1)),
    # max, x - max, exp, sum, log, - log
    "log_softmax": _softmax(_each(3, 0, 2), _each(-1, 0, 0)),
    "_log_softmax": _softmax(_each(3, 0, 2), _each(-1, 0, 0)),
    "cumsum": _scan,
    "sum": reduction(_each(1), NOTHING),
    "mean": reduction(_each(1), _each(0, 1)),
    **dict.fromkeys(("amax", "amin", "argmax", "argmin"), reduction(_each(0, 0, 1), NOTHING)),
    "prod": reduction(_each(0, 1), NOTHING),
}
