"""What is known of a tensor besides its values: where it comes from and what kind it is."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils.weak import WeakTensorKeyDictionary

from liafbench.bench.counting.errors import UncountableError
from liafbench.bench.counting.geometry import Pads

Kind = Literal["spikes", "graded", "analog"]
SPIKES: Kind = "spikes"
GRADED: Kind = "graded"
ANALOG: Kind = "analog"
KINDS: tuple[Kind, ...] = (SPIKES, GRADED, ANALOG)

Role = Literal["input", "weight", "fresh"]


class Range(NamedTuple):
    """Bounds of values, and whether they are whole numbers, by what computed them."""

    low: float
    high: float
    whole: bool

    @property
    def binary(self) -> bool:
        """Whether every value is 0 or 1."""
        return self.whole and self.low >= 0 and self.high <= 1

    @property
    def zero(self) -> bool:
        """Whether every value is 0."""
        return self.low == 0 == self.high

    def union(self, other: Range) -> Range:
        """Of values out of either."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Range(low, high, self.whole and other.whole)


BINARY, ZERO = Range(0, 1, True), Range(0, 0, True)
ANY = Range(-math.inf, math.inf, False)


@dataclass(frozen=True)
class TensorInfo:
    """A tensor's provenance.

    `role`: "input" depends on the network's input, "weight" on parameters, buffers and constants
    alone, "fresh" was filled or drawn during the run (an initial state, noise).
    `kind` of an input: "spikes" are 0 or 1 by what produced them, "graded" is a sum or average of
    spikes, everything else is "analog"; never read off the values of one input.
    `values`: bounds by construction. `present`: which elements count as activity, where that is
    not "those that are not 0"; `rounded`: whole numbers but for rounding errors.
    `events`: for graded tensors, how many spikes each element sums.
    `origin`: the synaptic calls whose results reach it with no nonlinearity in between.
    `weight_id`: equal for weights of equal derivation. `padding`: zeros put around it.
    `terms`: what was added up to it, with signs, so that what cancels out is seen to.
    """

    role: Role
    kind: Kind = ANALOG
    values: Range = ANY
    present: Tensor | None = None
    rounded: bool = False
    events: Tensor | None = None
    origin: frozenset[int] = frozenset()
    weight_id: Hashable = None
    padding: Pads = ()
    terms: tuple[tuple[int, TensorInfo], ...] = ()

    def declared(self, kind: Kind) -> TensorInfo:
        """The same with a kind that a module or the caller states."""
        return TensorInfo("input", kind, BINARY if kind == SPIKES else ANY, origin=self.origin)


FRESH = TensorInfo("fresh")
ANALOG_INPUT = TensorInfo("input")
SPIKING_INPUT = TensorInfo("input", SPIKES, BINARY)


def tensors_in(nest: Any) -> list[Tensor]:
    """The tensors in arguments, results or attributes, in any nest of containers."""
    if isinstance(nest, Tensor):
        return [nest]
    if nest is None or isinstance(nest, int | float | str):
        return []
    if type(nest) in (list, tuple):
        return [tensor for each in nest for tensor in tensors_in(each)]
    return [leaf for leaf in pytree.tree_leaves(nest) if isinstance(leaf, Tensor)]


def range_of(value: Any, info: TensorInfo | None = None) -> Range:
    """Bounds of a number or of a tensor: by construction; those of a constant are its values."""
    if info is None:
        number = value is not None and isinstance(value, int | float)
        return Range(value, value, float(value).is_integer()) if number else ANY
    if value.dtype == torch.bool:
        return BINARY
    if info.role == "input" or info.values is not ANY or value.is_meta or not value.numel():
        return info.values
    if value.is_complex() or value.layout != torch.strided or value.is_quantized:
        return ANY
    low, high = value.aminmax()
    whole = not value.is_floating_point() or bool((value == value.round()).all())
    return Range(low.item(), high.item(), whole)


def presence(x: Tensor, info: TensorInfo) -> Tensor:
    """Which elements of x are activity, as 0 and 1. A state made afresh is dense."""
    if info.present is not None:
        return info.present
    if info.rounded:
        return x.round() != 0
    return torch.ones_like(x, dtype=torch.bool) if info.role == "fresh" else x != 0


def spike_events(x: Tensor, info: TensorInfo) -> Tensor | None:
    """How many spikes every element of x sums; None for an analog tensor and without values."""
    if x.is_meta:
        return None
    if info.kind == SPIKES:
        return presence(x, info).double()
    return info.events if info.kind == GRADED else None


def indicator(x: Tensor) -> Tensor:
    """1 where x is not 0; float64. A meta tensor has no values and counts in full."""
    if x.is_meta:
        return torch.ones(x.shape, dtype=torch.float64)
    return (x != 0).double()


def nonzero(weight: Tensor) -> int:
    """Number of non-zero entries; all of a meta tensor."""
    return weight.numel() if weight.is_meta else int((weight != 0).sum().item())


def taps(weight: Tensor) -> Tensor:
    """Non-zero entries at every place of a convolution's kernel; float64 [*kernel]."""
    if weight.is_meta:
        each = weight.shape[0] * weight.shape[1]
        return torch.full(weight.shape[2:], each, dtype=torch.float64)
    return (weight != 0).sum((0, 1)).double()


class TensorTable:
    """What is known of every tensor, for one run at a time; the ids of weights stay."""

    def __init__(self, net: nn.Module) -> None:
        self.weight_ids = WeightIds(net)
        self._infos: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def declare(self, tensor: Tensor, kind: Kind) -> None:
        """An input of the network, and its kind."""
        self._infos[tensor] = ANALOG_INPUT.declared(kind)

    def of(self, tensor: Tensor, module: str, *, anything: bool = False) -> TensorInfo:
        """What is known of a tensor; constants become known when they are met.

        A tensor that was made during the run and by no operator is an error naming `module`,
        unless `anything` goes.
        """
        info = self._infos.get(tensor)
        if info is None:
            info = self._met(tensor, module, anything)
            self._infos[tensor] = info
        return info

    def seen(self, tensor: Tensor) -> TensorInfo | None:
        """What is known of a tensor, if anything is (not of what vmap wraps)."""
        return self._infos.get(tensor)

    def _met(self, tensor: Tensor, module: str, anything: bool) -> TensorInfo:
        known = isinstance(tensor, nn.Parameter) or self.weight_ids.has(tensor)
        for other, info in () if known else self._infos.items():  # another face of an input
            if (
                info.role == "input"
                and other.shape == tensor.shape
                and tensor.layout == other.layout == torch.strided
                and not tensor.is_meta
                and tensor.data_ptr() == other.data_ptr() != 0
            ):
                return info
        # Only what is made inside inference_mode, where a run takes place, is no constant.
        if known or not tensor.is_inference():
            return TensorInfo("weight", weight_id=self.weight_ids.of_leaf(tensor))
        if tensor.dim() and not anything:
            raise UncountableError(
                f"module {module!r} uses a tensor of shape {tuple(tensor.shape)} that came up "
                "out of torch's sight (numpy, an extension); compute it with torch operators"
            )
        return FRESH

    def learn(self, tensor: Tensor, info: TensorInfo) -> None:
        """What an operator made."""
        self._infos[tensor] = info

    def sharing(self, tensor: Tensor) -> list[tuple[Tensor, Range]]:
        """The other tensors that share its memory, and their bounds as they are now."""
        if tensor.layout != torch.strided:
            return []
        storage = tensor.untyped_storage()._cdata
        return [
            (other, range_of(other, self._infos[other]))
            for other in list(self._infos.keys())
            if other is not tensor
            and other.layout == torch.strided
            and other.untyped_storage()._cdata == storage
        ]

    def written_through(self, others: Sequence[tuple[Tensor, Range]], info: TensorInfo) -> None:
        """A view was written to: what shares its memory is now a mixture."""
        if info.role != "input":
            return
        for other, before in others:
            old = self._infos[other]
            values = before.union(info.values)
            kind = info.kind
            if (old.role == "input" and old.kind != kind) or not (before.binary or kind == ANALOG):
                kind = GRADED if values.whole and ANALOG not in (old.kind, kind) else ANALOG
            self._infos[other] = TensorInfo(
                "input",
                SPIKES if values.binary else kind,
                values,
                rounded=old.rounded or info.rounded,
                origin=old.origin | info.origin,
            )

    def forget(self) -> None:
        """The end of a run."""
        self._infos = WeakTensorKeyDictionary()


_RANDOM = ("rand", "bernoulli", "dropout", "normal", "uniform")


class WeightIds:
    """Equal ids for weights of equal derivation, so that a mask or a view counts once."""

    def __init__(self, net: nn.Module) -> None:
        self._next = count()
        self._leaves: dict[int, Hashable] = {}
        self._kept: list[Tensor] = []
        self._derived: dict[Hashable, int] = {}
        for tensor in (*net.parameters(), *net.buffers()):
            self.of_leaf(tensor)

    def has(self, tensor: Tensor) -> bool:
        """Whether a tensor is a parameter, a buffer or a constant that was met before."""
        return id(tensor) in self._leaves

    def of_leaf(self, tensor: Tensor) -> Hashable:
        """The id of a parameter, a buffer or a constant."""
        if id(tensor) not in self._leaves:
            self._leaves[id(tensor)] = next(self._next)
            self._kept.append(tensor)
        return self._leaves[id(tensor)]

    def of_results(
        self,
        func: Any,
        args: Sequence[Any],
        infos: Sequence[TensorInfo],
        results: int,
        mutated: bool,
    ) -> list[Hashable]:
        """The ids of an operator's results."""
        if mutated or any(word in func.name() for word in _RANDOM):
            return [next(self._next) for _ in range(results)]
        leaves = pytree.tree_leaves(list(args))
        constants = tuple(
            repr(a) if not isinstance(a, Tensor) else "" if infos else _content(a) for a in leaves
        )
        ids = tuple((info.role, info.weight_id) for info in infos)
        key = (func.name(), ids, constants)
        if key not in self._derived:
            self._derived[key] = next(self._next)
        return [(self._derived[key], i) for i in range(results)]


def _content(tensor: Tensor) -> str:
    """What tells constants apart that are made at every call: shape, type and values."""
    about = f"{tuple(tensor.shape)} {tensor.dtype}"
    plain = not tensor.is_meta and tensor.layout == torch.strided and not tensor.is_quantized
    return f"{about} {tensor.flatten().tolist()}" if plain else about
