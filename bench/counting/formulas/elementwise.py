"""Operators that move, make, ask, or compute every result from single elements.

One addition, subtraction, multiplication, division, comparison, selection or elementary function
(exp, tanh, sigmoid, sqrt, ...) is one operation. What is composed of them is written out, complex
numbers too: a complex product is 4 multiplications and 2 additions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod
from typing import Any

from liafbench.bench.counting import arithmetic
from liafbench.bench.counting import propagation as kind
from liafbench.bench.counting.operators import NOTHING, Formula, OpCount, numel, register

# -- moves ----------------------------------------------------------------------------------------

register("clone detach contiguous alias resolve_conj resolve_neg identity", None, kind.same)
register(
    "to _to_copy cpu cuda float double half bfloat16 long int bool type_as",
    None,
    arithmetic.converted,
    reads=1,
)
register("view_as reshape_as expand_as", None, kind.carried(0), reads=1)
register(
    """
    view _unsafe_view reshape flatten unflatten ravel t transpose transpose_copy
    swapaxes swapdims numpy_T mT movedim moveaxis permute squeeze unsqueeze expand repeat
    repeat_interleave tile select select_copy slice narrow split split_with_sizes unsafe_split
    unsafe_split_with_sizes tensor_split hsplit vsplit dsplit chunk unsafe_chunk unbind unfold
    as_strided diagonal flip fliplr flipud roll rot90 gather take take_along_dim index index_select
    masked_select broadcast_to pixel_shuffle pixel_unshuffle channel_shuffle reflection_pad1d
    reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d
    _pad_circular _pack_padded_sequence upsample_nearest1d upsample_nearest2d upsample_nearest3d
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d atleast_1d
    atleast_2d atleast_3d T H mH adjoint
    """,
    None,
    kind.carried(0),
)
register("tril triu diag diag_embed im2col", None, kind.carried(0, zeros=True))
register("max_unpool2d max_unpool3d", None, kind.carried(0, zeros=True))
register(
    """
    cat concat concatenate stack hstack vstack dstack column_stack broadcast_tensors meshgrid
    pad_sequence block_diag
    """,
    None,
    kind.carried(),
)
register("constant_pad_nd", None, kind.carried(0, 2))
register("pad _pad_enum", None, kind.carried(0, 3, zeros=True))
register("_pad_packed_sequence", None, kind.carried(0, 3))
register("index_fill index_copy", None, kind.carried(0, 3))
register("select_scatter slice_scatter diagonal_scatter", None, kind.carried(0, 1))
register("fill", None, kind.carried(1))
register("zero", None, kind.carried(1, zeros=True))
register("copy", None, kind.linear(kind.copied))
register("real imag view_as_real view_as_complex complex conj _conj conj_physical", None)
register("nonzero nonzero_numpy argwhere embedding resize", None)

# -- tensors made, questions asked ----------------------------------------------------------------

register(
    """
    zeros zeros_like new_zeros empty empty_like new_empty empty_strided new_empty_strided rand
    rand_like randn randn_like randint randint_like randperm
    """,
    None,
    sort="fresh",
)
register(
    """
    ones ones_like new_ones full full_like new_full arange linspace logspace eye scalar_tensor
    tensor lift lift_fresh lift_fresh_copy tril_indices triu_indices hann_window hamming_window
    _shape_as_tensor size sym_size sym_numel sym_stride numel dim
    """,
    None,
    sort="constant",
)
register(
    """
    isnan isinf isfinite isneginf isposinf logical_and logical_or logical_xor logical_not one_hot
    any all equal is_nonzero isin
    """,
    None,
    kind.spiking,
)
register("__and__ bitwise_and", None, arithmetic.masked_bits)
register("__or__ __xor__ bitwise_or bitwise_xor", None, arithmetic.extreme)
register(
    """
    bitwise_not __rshift__ __lshift__ bitwise_right_shift bitwise_left_shift
    """,
    None,
)
register(
    """
    item _local_scalar_dense Int ScalarImplicit FloatImplicit IntImplicit Bool Float
    is_floating_point is_complex is_pinned __not__ len device dtype __is__ __isnot__ warn
    __range_length __getitem__ is_same_size _assert_async _assert_scalar _assert_tensor_metadata
    """,
    None,
)

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


register("add __radd__", _scaled_sum, arithmetic.added(1))
register("sub subtract", _scaled_sum, arithmetic.added(-1))
register("rsub __rsub__", _scaled_sum, arithmetic.added(-1, turned=True))
register("mul multiply", pointwise(each(0, 1)), kind.linear(arithmetic.multiplied))
register("div divide true_divide", _divided, kind.linear(arithmetic.divided))
register("floor_divide", pointwise(each(0, 1)))
register("square", _squared, arithmetic.unit_kept)
register("neg negative", _negated, kind.linear(arithmetic.negated))
register("outer", pointwise(each(0, 1)))
register("eq ne lt le gt ge greater less", pointwise(each(others=1)), kind.spiking)
register("maximum minimum fmax fmin", pointwise(each(others=1)), arithmetic.extreme)
register("abs", _modulus, arithmetic.absolute)
register("angle", pointwise(each(others=1)))
register("polar", pointwise(each(0, 2, 2)))
register("sign sgn", pointwise(each(others=1)), arithmetic.sign)
register("where", pointwise(each(others=1)), kind.linear(kind.carried(1, 2)))
register("masked_fill masked_scatter", pointwise(each(others=1)), kind.carried(0, 2))
register("heaviside", pointwise(each(others=1)), arithmetic.step)
register("bernoulli", pointwise(each(others=1)), kind.spiking)
register("clamp_max", pointwise(each(others=1)), arithmetic.limited(None, 1, places=True))
register("clamp clip", _clamp, arithmetic.limited(1, 2, places=True))
register("floor", pointwise(each(others=1)), arithmetic.rounded_by(math.floor))
register("ceil", pointwise(each(others=1)), arithmetic.rounded_by(math.ceil))
register("round", pointwise(each(others=1)), arithmetic.rounded_by(round))
register("trunc fix", pointwise(each(others=1)), arithmetic.rounded_by(math.trunc))
register("fmod remainder", pointwise(each(others=1)), arithmetic.remainder)
register("pow sqrt", pointwise(each(others=1)), arithmetic.unit_kept)
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

register("relu", pointwise(each(others=1)), arithmetic.limited(0, None), "activation")
register(
    "clamp_min", pointwise(each(others=1)), arithmetic.limited(1, None, places=True), "activation"
)
register("threshold", pointwise(each(others=1)), kind.carried(0, 2), "activation")
register("relu6", pointwise(each(others=2)), arithmetic.limited(0, 6), "activation")
register("hardtanh", pointwise(each(others=2)), arithmetic.limited(1, 2, places=True), "activation")
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
