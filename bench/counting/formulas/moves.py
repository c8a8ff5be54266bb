"""Operators that move numbers, make tensors, or ask: they compute nothing and cost nothing."""

from __future__ import annotations

from liafbench.bench.counting.kinds import bounds
from liafbench.bench.counting.kinds import propagation as kind
from liafbench.bench.counting.operators import register

# -- moves ----------------------------------------------------------------------------------------

register("clone detach contiguous alias resolve_conj resolve_neg identity", None, kind.same)
register(
    "to _to_copy cpu cuda float double half bfloat16 long int bool type_as",
    None,
    bounds.converted,
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
register("__and__ bitwise_and", None, bounds.masked_bits)
register("__or__ __xor__ bitwise_or bitwise_xor", None, bounds.extreme)
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
