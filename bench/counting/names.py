"""Operators by name, the same for a traced graph and for a run."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


_MOVES = words(
    """
    view _unsafe_view view_as reshape reshape_as flatten unflatten ravel t transpose swapaxes
    numpy_T mT movedim moveaxis permute squeeze unsqueeze expand expand_as repeat
    repeat_interleave tile contiguous clone detach alias to _to_copy type_as copy cpu cuda float
    double half bfloat16 lift lift_fresh lift_fresh_copy resolve_conj resolve_neg select slice
    narrow split split_with_sizes unsafe_split unsafe_split_with_sizes tensor_split hsplit
    vsplit chunk unsafe_chunk unbind unfold as_strided diagonal diag tril triu cat concat
    concatenate stack hstack vstack dstack pad constant_pad_nd reflection_pad1d reflection_pad2d
    reflection_pad3d replication_pad1d replication_pad2d replication_pad3d _pad_circular
    _pad_enum flip fliplr flipud roll rot90 gather take take_along_dim index index_select
    index_put _index_put_impl scatter masked_select broadcast_to broadcast_tensors pixel_shuffle
    pixel_unshuffle channel_shuffle im2col real imag view_as_real select_scatter slice_scatter
    select_copy nonzero argwhere meshgrid _pack_padded_sequence _pad_packed_sequence identity
    """
)
_MAKES = words(
    """
    zeros ones empty full zeros_like ones_like empty_like full_like new_zeros new_ones new_empty
    new_full arange linspace eye scalar_tensor tensor one_hot rand rand_like randn randn_like
    randint randint_like randperm fill zero empty_strided new_empty_strided
    """
)
_ASKS = words(
    """
    size sym_size sym_numel sym_stride numel dim is_nonzero item _local_scalar_dense Int
    ScalarImplicit FloatImplicit IntImplicit Bool Float is_floating_point is_complex isnan isinf
    isfinite __and__ __or__ __xor__ __not__ bitwise_and bitwise_or bitwise_xor bitwise_not
    logical_and logical_or logical_xor logical_not any all len device dtype _shape_as_tensor
    bincount floor_divide __is__ __isnot__ warn __range_length __getitem__ is_same_size equal
    """
)
_LOOKS_UP = words(
    """
    embedding upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d
    _upsample_nearest_exact2d _upsample_nearest_exact3d
    """
)
FREE = _MOVES | _MAKES | _ASKS | _LOOKS_UP
"""Operators that move, make or look up numbers and compute none."""

CONVOLUTIONS = words(
    """
    _convolution convolution _convolution_mode conv1d conv2d conv3d conv_transpose1d
    conv_transpose2d conv_transpose3d
    """
)
RECURRENT = words(
    """
    lstm gru rnn_tanh rnn_relu
    """
)
CELLS = words(
    """
    lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell
    """
)
PRODUCTS = words(
    """
    linear matmul __matmul__ mm bmm mv dot vdot inner addmm addmv addbmm baddbmm einsum
    tensordot bilinear
    """
)
ATTENTION = "scaled_dot_product_attention"
NEURON, RECURRENT_NEURON = "liafbench::neuron", "liafbench::neuron_recurrent"
SYNAPTIC = CONVOLUTIONS | RECURRENT | CELLS | PRODUCTS | {ATTENTION, RECURRENT_NEURON}

ACTIVATIONS = words(
    """
    relu relu6 leaky_relu prelu _prelu_kernel rrelu elu selu celu gelu silu mish softplus
    hardtanh hardsigmoid hardswish sigmoid tanh logsigmoid log_sigmoid softsign threshold
    clamp_min
    """
)
"""Pointwise functions that make a unit of what arrives: their outputs are counted as neurons."""


def base_name(operator: str) -> str:
    """`aten::add_.Tensor` and `aten::add` are both add; other namespaces are kept."""
    namespace, _, rest = operator.partition("::")
    if not rest:
        return operator
    name = rest.split(".")[0]
    if namespace != "aten":
        return f"{namespace}::{name}"
    inplace = name.endswith("_") and not name.endswith("__")
    return name[:-1] if inplace else name
