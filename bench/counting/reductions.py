"""Operations of pooling, normalisation and interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from liafbench.bench.counting.pointwise import SPECIAL, Formula, numel
from liafbench.bench.counting.tally import NOTHING, Tally


def _kernel(sizes: Any, dims: int) -> int:
    """Elements of a pooling window given as one number or one per dimension."""
    listed = [sizes] if isinstance(sizes, int) else list(sizes)
    return listed[0] ** dims if len(listed) == 1 else prod(listed)


def _average_pool(dims: int) -> Formula:
    """k - 1 additions and one multiplication for a window of k, padding taps included."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        k = _kernel(args[1], dims)
        return Tally(additions=k - 1, multiplications=1).times(numel(outs[0]))

    return formula


def _max_pool(dims: int) -> Formula:
    """k - 1 comparisons for a window of k."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        return Tally(others=_kernel(args[1], dims) - 1).times(numel(outs[0]))

    return formula


def adaptive_windows(size: int, outputs: int) -> list[int]:
    """Window lengths of adaptive pooling along one axis."""
    return [-(-(i + 1) * size // outputs) - i * size // outputs for i in range(outputs)]


def _adaptive(dims: int, average: bool) -> Formula:
    def formula(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
        ins, out = args[0].shape[-dims:], outs[0].shape[-dims:]
        taps = prod(sum(adaptive_windows(i, o)) for i, o in zip(ins, out, strict=True))
        planes = prod(outs[0].shape[:-dims])
        joins, results = planes * (taps - prod(out)), numel(outs[0])
        if average:
            return Tally(additions=joins, multiplications=results)
        return Tally(others=joins)

    return formula


def _normalised(elements: int, groups: int, scaled: bool, shifted: bool) -> Tally:
    """Mean, variance and (x - mean) / sqrt(var + eps) of `groups` groups, then scale and shift."""
    each = elements // groups if groups else 0
    group = Tally(additions=3 * each - 1, multiplications=2 * each + 2, others=1)
    affine = Tally(additions=int(shifted), multiplications=int(scaled))
    return group.times(groups) + affine.times(elements)


def _layer_norm(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    elements = numel(args[0])
    return _normalised(
        elements, elements // prod(args[1]), args[2] is not None, args[3] is not None
    )


def _group_norm(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    groups = args[0].shape[0] * args[1]
    return _normalised(numel(args[0]), groups, args[2] is not None, args[3] is not None)


def _batch_norm(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """With running statistics it folds into the synapse before it: nothing. Else as the others."""
    if not args[5]:
        return NOTHING
    return _normalised(numel(args[0]), args[0].shape[1], args[1] is not None, args[2] is not None)


def _instance_norm(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    if not args[5]:
        return NOTHING
    groups = args[0].shape[0] * args[0].shape[1]
    return _normalised(numel(args[0]), groups, args[1] is not None, args[2] is not None)


def _rms_norm(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    n, each = numel(args[0]), prod(args[1])
    scaled = int(args[2] is not None)
    return Tally(additions=n, multiplications=(2 + scaled) * n + n // each, others=n // each)


def _variance(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """Mean, differences, squares, their sum, one division; std takes a root as well."""
    n, groups = numel(args[0]), numel(outs[0])
    return Tally(additions=3 * n - 2 * groups, multiplications=n + 2 * groups)


def _deviation(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    return _variance(args, outs) + Tally(others=numel(outs[0]))


def _vector_norm(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """p = 2: squares, their sum, a root."""
    n, groups = numel(args[0]), numel(outs[0])
    return Tally(additions=n - groups, multiplications=n, others=groups)


def _interpolation(taps: int) -> Formula:
    """A weighted sum of `taps` neighbours for each output."""
    each = Tally(additions=taps - 1, multiplications=taps)
    return lambda args, outs: each.times(numel(outs[0]))


def _extreme(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """max and min: of two tensors, over a dimension, or of everything."""
    if len(args) > 1 and hasattr(args[1], "shape"):
        return Tally(others=numel(outs[0]))
    return Tally(others=max(numel(args[0]) - numel(outs[0]), 0))


def _fold(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """Overlapping patches are added up."""
    return Tally(additions=max(numel(args[0]) - numel(outs[0]), 0))


def _bag(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """embedding_bag: the additions of every bag; one multiplication each for a mean."""
    joins = numel(args[1]) * args[0].shape[-1] - numel(outs[0])
    return Tally(additions=joins, multiplications=numel(outs[0]) if args[4] == 1 else 0)


def _sort(args: Sequence[Any], outs: Sequence[Any]) -> Tally:
    """n log2 n comparisons for n values, rounded up."""
    values = numel(args[0])
    depth = (args[0].shape[-1] if args[0].shape else 1).bit_length()
    return Tally(others=values * depth)


FORMULAS: dict[str, Formula] = {
    "layer_norm": _layer_norm,
    "native_layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "rms_norm": _rms_norm,
    "var": _variance,
    "std": _deviation,
    "linalg_vector_norm": _vector_norm,
    "max": _extreme,
    "min": _extreme,
    **dict.fromkeys(("sort", "argsort", "topk"), _sort),
    "col2im": _fold,
    "embedding_bag": _bag,
    "upsample_linear1d": _interpolation(2),
    "upsample_bilinear2d": _interpolation(4),
    "upsample_trilinear3d": _interpolation(8),
    "upsample_bicubic2d": _interpolation(16),
    **{f"avg_pool{d}d": _average_pool(d) for d in (1, 2, 3)},
    **{f"max_pool{d}d": _max_pool(d) for d in (1, 2, 3)},
    **{f"max_pool{d}d_with_indices": _max_pool(d) for d in (1, 2, 3)},
    **{f"adaptive_avg_pool{d}d": _adaptive(d, average=True) for d in (1, 2, 3)},
    **{f"adaptive_max_pool{d}d": _adaptive(d, average=False) for d in (1, 2, 3)},
    **SPECIAL,
}
