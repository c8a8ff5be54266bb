"""Operators composed of several steps: distances, losses, transforms, sampling, quantisation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import ceil, log2, prod
from typing import Any

from liafbench.bench.counting.formulas.elementwise import each, is_complex, pointwise, scaling
from liafbench.bench.counting.formulas.reductions import (
    deviation,
    sorting,
    variance,
    vector_norm,
)
from liafbench.bench.counting.kinds import bounds
from liafbench.bench.counting.kinds import propagation as kind
from liafbench.bench.counting.operators import NOTHING, Formula, OpCount, numel
from liafbench.bench.counting.operators import register as register_any

register = partial(register_any, sort="reduction")

# -- distances ------------------------------------------------------------------------------------


def _cosine_similarity(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Three sums of products, two roots, their product, its limit, one division."""
    n, groups = max(numel(args[0]), numel(args[1])), numel(outs[0])
    return OpCount(
        additions=3 * (n - groups), multiplications=3 * n + 2 * groups, others=3 * groups
    )


def _distances(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """cdist: for every pair the differences and their norm."""
    return _norm_of_differences(numel(outs[0]) * args[0].shape[-1], args[2], outs)


def _pairwise_distance(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """Differences, + eps, and their norm."""
    n = max(numel(args[0]), numel(args[1]))
    return _norm_of_differences(n, args[2], outs) + OpCount(additions=n)


def _norm_of_differences(n: int, order: float, outs: Sequence[Any]) -> OpCount:
    return OpCount(additions=n) + vector_norm([_Sized(n), order], outs)


class _Sized:
    """Anything with so many elements."""

    def __init__(self, elements: int) -> None:
        self.shape = (elements,)


register("cosine_similarity", _cosine_similarity)
register("cdist _cdist_forward", _distances)
register("pairwise_distance", _pairwise_distance)
register("norm linalg_norm", vector_norm)
register("var_mean", variance)
register("std_mean", deviation)
register("trace", lambda args, outs: each(args[0].shape[0] - 1))
register("linalg_cross cross", pointwise(each(1, 2)))
register("logcumsumexp", lambda args, outs: each(2, 0, 2).times(numel(outs[0])))
register(
    "aminmax", lambda args, outs: each(others=2).times(max(numel(args[0]) - numel(outs[0]), 0))
)

# -- losses ---------------------------------------------------------------------------------------


def loss(cost: OpCount, place: int = 2) -> Formula:
    """`cost` for every element, then the sum or the mean that the argument at `place` asks for."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        n = max(numel(args[0]), numel(args[1]))
        return cost.times(n) + _reduced(n, args[place])

    return formula


def _reduced(n: int, how: int) -> OpCount:
    return each(n - 1, int(how == 1)) if how else NOTHING


def _likelihood(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """nll_loss: one negation for each target, times its weight, then the sum or mean."""
    n = numel(args[1])
    return each(0, 1 if args[2] is None else 2).times(n) + _reduced(n, args[3])


def _cross_entropy(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """log_softmax and nll_loss; with probabilities as targets their products and sums."""
    x, target = args[0], args[1]
    n, rows = numel(x), numel(x) // x.shape[1 if len(x.shape) > 1 else 0]
    cost = each(3, 0, 2).times(n) + each(-1).times(rows)
    if target.dtype.is_floating_point:
        return cost + each(1, 1).times(n) + _reduced(rows, args[3])
    smoothed = each(1, 0).times(n) + each(1, 2).times(rows) if args[5] else NOTHING
    return cost + smoothed + _likelihood([x, target, *args[2:4]], outs)


register("mse_loss", loss(each(1, 1)))
register("l1_loss", loss(each(1, 0, 1)))
register("smooth_l1_loss huber_loss", loss(each(2, 2, 3)))
register("binary_cross_entropy", loss(each(3, 3, 2), 3))  # -(t log p + (1 - t) log(1 - p))
# max(x, 0) - x * t + log(1 + exp(-|x|))
register("binary_cross_entropy_with_logits", loss(each(2, 2, 4), 4))
register("kl_div", loss(each(1, 1, 1)))  # t * (log t - x)
register("soft_margin_loss", loss(each(0, 2, 2)))
register("nll_loss nll_loss_nd nll_loss2d nll_loss_forward nll_loss2d_forward", _likelihood)
register("cross_entropy_loss", _cross_entropy)

# -- transforms -----------------------------------------------------------------------------------


def _fourier(real: bool, nested: bool) -> Formula:
    """A fast Fourier transform of N points: 5 N log2 N real operations, or half of it.

    Half where the input or the output is real.
    `nested`: the argument after the tensor is the list of axes, as in `_fft_c2c`; else the sizes.
    """

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        whole = max((args[0], outs[0]), key=numel)
        axes = args[1] if nested else args[2]
        axes = [axes] if isinstance(axes, int) else axes
        if axes is None:
            sizes = args[1] if isinstance(args[1], list | tuple) else None
            axes = range(-len(sizes), 0) if sizes else range(len(whole.shape))
        points = prod(whole.shape[axis] for axis in axes)
        half = real or not is_complex(args[0])
        operations = numel(whole) * log2(max(points, 1)) / (2 if half else 1)
        return each(ceil(3 * operations), ceil(2 * operations))

    return formula


register("_fft_c2c", _fourier(real=False, nested=True))
register("fft_fft fft_fft2 fft_fftn", _fourier(real=False, nested=False))
register("fft_ifft fft_ifft2 fft_ifftn", _fourier(real=False, nested=False))
register("_fft_r2c _fft_c2r", _fourier(real=True, nested=True))
register("fft_rfft fft_irfft fft_hfft fft_ihfft", _fourier(real=True, nested=False))
register("fft_rfft2 fft_irfft2 fft_rfftn fft_irfftn", _fourier(real=True, nested=False))
register_any("fft_fftshift fft_ifftshift", None, kind.carried(0))

# -- sampling -------------------------------------------------------------------------------------


def _grid_sample(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """For each place its coordinates and the weights of its corners; then a weighted sum.

    Nearest: coordinates and rounding. Bicubic: 4 weights of 8 operations an axis.
    """
    axes, places, n = args[1].shape[-1], numel(args[1]) // args[1].shape[-1], numel(outs[0])
    place = each(axes, axes, axes)
    if args[2] == 1:
        return place.times(places)
    if args[2] == 2:
        return (place + each(4 * axes, 4 * axes)).times(places) + each(15, 16).times(n)
    corners = 2**axes
    weights = each(2 * axes, corners * (axes - 1))
    return (place + weights).times(places) + each(corners - 1, corners).times(n)


def _search(values: int, sequence: int) -> Formula:
    """log2 of the length of the sequence comparisons for each value."""

    def formula(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
        length = args[sequence].shape[-1]
        found = args[values]
        n = numel(found) if hasattr(found, "shape") else 1
        return each(others=ceil(log2(length + 1))).times(n)

    return formula


register("grid_sampler grid_sampler_2d grid_sampler_3d", _grid_sample)
register("bucketize", _search(0, 1))
register("searchsorted", _search(1, 0))
register("multinomial", lambda args, outs: each(others=1).times(numel(args[0])))
register("median nanmedian kthvalue mode", sorting, bounds.extreme)
register("_unique2 unique_dim unique_consecutive", sorting)
register("histc", lambda args, outs: each(2, 1).times(numel(args[0])))
register("scatter_reduce", lambda args, outs: each(1).times(numel(args[3])))
register("nan_to_num", pointwise(each(others=3)))
register("softshrink hardshrink", pointwise(each(1, 0, 2)))

# -- quantisation ---------------------------------------------------------------------------------

# x / scale, round, + zero point, two limits; - zero point, * scale
_FAKE = each(2, 2, 3)
register(
    """
    fake_quantize_per_tensor_affine fake_quantize_per_channel_affine
    fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask
    _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    _fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine
    """,
    pointwise(_FAKE),
)


def _observed_fake(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """The smallest and the largest value, and the fake quantisation between them."""
    n = numel(args[0])
    return _FAKE.times(n) + each(others=2).times(n - 1)


register("_fused_moving_avg_obs_fq_helper fused_moving_avg_obs_fake_quant", _observed_fake)
register("quantize_per_tensor quantize_per_channel", pointwise(each(1, 1, 3)))
register("quantize_per_tensor_dynamic", pointwise(each(1, 1, 5)))
register("dequantize", pointwise(each(1, 1)))
register("int_repr", None)


def _outer(args: Sequence[Any], outs: Sequence[Any]) -> OpCount:
    """addr: an outer product that is added, each scaled where a factor is not 1."""
    n, (beta, alpha) = numel(outs[0]), args[3:5]
    return each(1, 1).times(n) + scaling(beta, numel(args[0])) + scaling(alpha, n)


register_any("addr", _outer)


def _listwise(cost: OpCount) -> Formula:
    """The _foreach operators: the same for every tensor of a list."""
    return lambda args, outs: cost.times(sum(map(numel, args[0])))


for _names, _cost in (
    ("add sub", each(1)),
    ("mul div neg", each(0, 1)),
    ("exp log sqrt abs tanh sigmoid pow clamp_min clamp_max", each(others=1)),
    ("lerp", each(2, 1)),
    ("addcmul addcdiv", each(1, 1)),
):
    register_any(" ".join(f"_foreach_{name}" for name in _names.split()), _listwise(_cost))


def as_float(name: str, args: Sequence[Any]) -> tuple[str, list[Any], int] | None:
    """The layer that an operator of quantised numbers computes: its name and arguments.

    The third: where the weight stands, which comes out of packed parameters. None for any other.
    """
    kind = name.removeprefix("quantized::").removesuffix("_relu").removesuffix("_dynamic")
    if kind == name or not hasattr(args[1], "unpack"):
        return None
    weight, bias = args[1].unpack()[:2]
    if kind == "linear":
        return kind, [args[0], weight, bias], 1
    packed = args[1]
    geometry = [packed.stride(), packed.padding(), packed.dilation(), packed.groups()]
    return kind, [args[0], weight, bias, *geometry], 1
