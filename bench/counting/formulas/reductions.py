"""Operators over many elements: sums, maxima, softmax, pooling, normalisation, interpolation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

from liafbench.bench.counting.formulas.elementwise import each, is_complex
from liafbench.bench.counting.geometry import adaptive_windows, listed
from liafbench.bench.counting.kinds import bounds, sums
from liafbench.bench.counting.kinds import propagation as kind
from liafbench.bench.counting.operators import NOTHING, Formula, OpCount, numel
from liafbench.bench.counting.operators import register as register_any


def _average_pool(dims: int) -> Formula:
    """k - 1 additions and one multiplication for a window of k, padding taps included."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        k = prod(listed(args[1], dims))
        return OpCount(additions=k - 1, multiplications=1).times(numel(outs[0]))

    return formula


def _max_pool(dims: int) -> Formula:
    """k - 1 comparisons for a window of k."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        return OpCount(others=prod(listed(args[1], dims)) - 1).times(numel(outs[0]))

    return formula


def _adaptive(dims: int, average: bool) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        ins, out = args[0].shape[-dims:], outs[0].shape[-dims:]
        taps = prod(sum(adaptive_windows(i, o)) for i, o in zip(ins, out, strict=True))
        planes = prod(outs[0].shape[:-dims])
        joins, results = planes * (taps - prod(out)), numel(outs[0])
        if average:
            return OpCount(additions=joins, multiplications=results)
        return OpCount(others=joins)

    return formula


def _normalised(elements: int, groups: int, scaled: bool, shifted: bool) -> OpCount:
    """Mean, variance and (x - mean) / sqrt(var + eps) of `groups` groups, then scale and shift."""
    each = elements // groups if groups else 0
    group = OpCount(additions=3 * each - 1, multiplications=2 * each + 2, others=1)
    affine = OpCount(additions=int(shifted), multiplications=int(scaled))
    return group.times(groups) + affine.times(elements)


def _layer_norm(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    elements = numel(args[0])
    return _normalised(
        elements, elements // prod(args[1]), args[2] is not None, args[3] is not None
    )


def _group_norm(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    groups = args[0].shape[0] * args[1]
    return _normalised(numel(args[0]), groups, args[2] is not None, args[3] is not None)


def _batch_norm(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """With running statistics it folds into the synapse before it: nothing. Else as the others."""
    if not args[5]:
        return NOTHING
    return _normalised(numel(args[0]), args[0].shape[1], args[1] is not None, args[2] is not None)


def _instance_norm(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    if not args[5]:
        return NOTHING
    groups = args[0].shape[0] * args[0].shape[1]
    return _normalised(numel(args[0]), groups, args[1] is not None, args[2] is not None)


def _rms_norm(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    n, each = numel(args[0]), prod(args[1])
    scaled = int(args[2] is not None)
    return OpCount(additions=n, multiplications=(2 + scaled) * n + n // each, others=n // each)


def variance(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Mean, differences, squares, their sum, one division; std takes a root as well."""
    n, groups = numel(args[0]), numel(outs[0])
    return OpCount(additions=3 * n - 2 * groups, multiplications=n + 2 * groups)


def deviation(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    return variance(args, outs) + OpCount(others=numel(outs[0]))


def vector_norm(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Order 2: squares, their sum, a root. Order 1: sizes and their sum; infinite: the largest.

    Order 0: comparisons and their sum; any other: sizes, powers, their sum, a root.
    """
    order = args[1] if len(args) > 1 and args[1] is not None else 2
    n, groups = numel(args[0]), numel(outs[0])
    if order == 2:
        return OpCount(additions=n - groups, multiplications=n, others=groups)
    if order in (0, 1):
        return OpCount(additions=n - groups, others=n)
    if math.isinf(order):
        return OpCount(others=2 * n - groups)
    return OpCount(additions=n - groups, others=2 * n + groups)


def _interpolation(taps: int) -> Formula:
    """A weighted sum of `taps` neighbours for each output."""
    each = OpCount(additions=taps - 1, multiplications=taps)
    return lambda args, outs: each.times(numel(outs[0]))


def _extreme(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """max and min: of two tensors, over a dimension, or of everything."""
    if len(args) > 1 and hasattr(args[1], "shape"):
        return OpCount(others=numel(outs[0]))
    return OpCount(others=max(numel(args[0]) - numel(outs[0]), 0))


def _fold(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Overlapping patches are added up."""
    return OpCount(additions=max(numel(args[0]) - numel(outs[0]), 0))


def _bag(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """embedding_bag: the additions of every bag; one multiplication each for a mean."""
    joins = numel(args[1]) * args[0].shape[-1] - numel(outs[0])
    return OpCount(additions=joins, multiplications=numel(outs[0]) if args[4] == 1 else 0)


def sorting(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """n log2 n comparisons for n values, rounded up."""
    values = numel(args[0])
    depth = (args[0].shape[-1] if args[0].shape else 1).bit_length()
    return OpCount(others=values * depth)


def _softmax(extra: OpCount, per_row: OpCount) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        n = outs[0].shape[args[1]] if outs[0].shape else 1
        return extra.times(numel(outs[0])) + per_row.times(numel(outs[0]) // max(n, 1))

    return formula


SOFTMAX, SOFTMAX_ROW = each(2, 1, 2), each(-1, 0, -1)
"""max, x - max, exp, sum, / sum: of every element, and of every row."""


def reduction(per_input: OpCount, per_output: OpCount) -> Formula:
    """For sums, means, maxima: n - 1 operations for n inputs, then something for each output."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        results = numel(outs[0])
        joins = max(numel(args[0]) - results, 0)
        cost = per_input.times(joins) + per_output.times(results)
        return cost.times(2) if is_complex(args[0]) else cost

    return formula


def _scan(cost: OpCount) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        n = outs[0].shape[args[1]] if outs[0].shape else 1
        return cost.times(numel(outs[0]) // max(n, 1) * (n - 1))

    return formula


def _log_sum_exp(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """The largest, x less it, exp, the sum, log, and the largest again."""
    n = numel(args[0])
    return OpCount(additions=2 * n, others=2 * n)


register = partial(register_any, sort="reduction")


register("sum", reduction(each(1), NOTHING), kind.linear(sums.summed))
register("mean", reduction(each(1), each(0, 1)), kind.linear(sums.summed))
register("nansum", reduction(each(1, 0, 1), NOTHING))
register("count_nonzero", None)
register("amax amin argmax argmin", reduction(each(0, 0, 1), NOTHING), bounds.extreme)
register("prod", reduction(each(0, 1), NOTHING), bounds.unit_kept)
register("max min", _extreme, bounds.extreme)
register("cumsum", _scan(each(1)), kind.linear(sums.running_sum))
register("cumprod", _scan(each(0, 1)), bounds.unit_kept)
register("cummax cummin", _scan(each(others=1)), bounds.extreme)
register("softmax _softmax", _softmax(SOFTMAX, SOFTMAX_ROW), kind.within(0, 1))
# max, x - max, exp, sum, log, - log
register("log_softmax _log_softmax", _softmax(each(3, 0, 2), each(-1, 0, 0)))
register("logsumexp", _log_sum_exp)
register("layer_norm native_layer_norm", _layer_norm, kind.linear(kind.unknown))
register("group_norm", _group_norm, kind.linear(kind.unknown))
register("batch_norm", _batch_norm, kind.linear(kind.unknown))
register("instance_norm", _instance_norm, kind.linear(kind.unknown))
register("rms_norm", _rms_norm)
register("var", variance)
register("std", deviation)
register("linalg_vector_norm", vector_norm)
register("sort argsort topk", sorting, bounds.extreme)
register("col2im", _fold)
register("embedding_bag", _bag)
register("upsample_linear1d", _interpolation(2))
register("upsample_bilinear2d _upsample_bilinear2d_aa", _interpolation(4))
register("upsample_trilinear3d", _interpolation(8))
register("upsample_bicubic2d _upsample_bicubic2d_aa", _interpolation(16))
for _d in (1, 2, 3):
    register(f"avg_pool{_d}d", _average_pool(_d), kind.linear(sums.pooled))
    register(f"adaptive_avg_pool{_d}d", _adaptive(_d, average=True), kind.linear(sums.pooled))
    register(f"max_pool{_d}d", _max_pool(_d), kind.linear(bounds.extreme))
    register(f"max_pool{_d}d_with_indices", _max_pool(_d), bounds.extreme)
    register(f"adaptive_max_pool{_d}d", _adaptive(_d, average=False), bounds.extreme)
