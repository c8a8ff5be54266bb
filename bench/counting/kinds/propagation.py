"""What an operator makes of the kinds of its inputs: the rules that entries of operators name.

A rule takes a call and gives what is known of each of its results. What the spelling cannot change
is carried as bounds of values: whole numbers from 0 to 1 are spikes, whoever computed them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from liafbench.bench.counting.operators import KindRule, OpCall
from liafbench.bench.counting.tensor_info import (
    ANALOG,
    ANALOG_INPUT,
    ANY,
    BINARY,
    GRADED,
    SPIKES,
    SPIKING_INPUT,
    Kind,
    Range,
    TensorInfo,
    presence,
    spike_events,
    tensors_in,
)


def propagate(call: OpCall, rule: KindRule | None) -> list[TensorInfo]:
    """What is known of an operator's results, given that one of its inputs is an input."""
    found = [] if rule is None else rule(call)
    found += [ANALOG_INPUT] * (len(call.outs) - len(found))
    return [_settled(info, out) for info, out in zip(found, call.outs, strict=False)]


def _settled(info: TensorInfo, out: Tensor) -> TensorInfo:
    """0 and 1 are spikes, whatever rule found them."""
    if info.values.binary:
        return info if info.kind == SPIKES else replace(info, kind=SPIKES, events=None)
    if out.dtype == torch.bool:
        return replace(info, kind=SPIKES, values=BINARY, events=None)
    return info


def linear(rule: KindRule) -> KindRule:
    """The results are still those of the synapses before: no nonlinearity in between."""

    def with_origin(call: OpCall) -> list[TensorInfo]:
        origin = frozenset[int]().union(*(call.info(t).origin for t in call.tensors))
        return [replace(i, origin=origin) if i.origin != origin else i for i in rule(call)]

    return with_origin


def spiking(call: OpCall) -> list[TensorInfo]:
    """Comparisons, logic, one-hot: 0 or 1."""
    return [SPIKING_INPUT]


def unknown(call: OpCall) -> list[TensorInfo]:
    """Any other function."""
    return [ANALOG_INPUT]


def within(low: float, high: float) -> KindRule:
    """A function with values between two bounds."""
    return lambda call: [TensorInfo("input", values=Range(low, high, False))]


# -- moves and mixtures ---------------------------------------------------------------------------


def same(call: OpCall) -> list[TensorInfo]:
    """Copies in the same shape and order."""
    return [call.info(call.args[0])]


def carried(*places: int, zeros: bool = False) -> KindRule:
    """Views, copies, selections and mixtures of the arguments at `places`, or of all.

    `zeros`: among zeros.
    """

    def rule(call: OpCall) -> list[TensorInfo]:
        chosen = [call.args[i] for i in places if i < len(call.args)] if places else call.args
        leaves = pytree.tree_leaves(chosen)
        tensors = [a for a in leaves if isinstance(a, Tensor)]
        if not places and any(t.is_floating_point() for t in tensors):
            # Integers beside others are positions, not values.
            tensors = [t for t in tensors if t.is_floating_point() or t.is_complex()]
        numbers = [a for a in leaves if isinstance(a, int | float)] if places else []
        numbers += [0] if zeros else []
        return _mixture(call, tensors, numbers)

    return linear(rule)


def _mixture(call: OpCall, tensors: list[Tensor], numbers: list[Any]) -> list[TensorInfo]:
    infos = [call.info(t) for t in tensors]
    kind, values = joined(call, [*tensors, *numbers])
    rounded = any(i.rounded for i in infos)
    found = [TensorInfo("input", kind, values, rounded=rounded)] * len(call.outs)
    if call.outs[0].is_meta or kind == SPIKES:
        return found
    if any(i.present is not None or i.role == "fresh" for i in infos) and kind == ANALOG:
        moved = _moved(call, tensors, lambda t: presence(t, call.info(t)))
        return [replace(f, present=m) for f, m in zip(found, moved, strict=False)]
    if kind == GRADED:
        moved = _moved(call, tensors, lambda t: events_of(call, t))
        return [replace(f, events=m) for f, m in zip(found, moved, strict=False)]
    return found


def joined(call: OpCall, values: Sequence[Any]) -> tuple[Kind, Range]:
    """The kind and the bounds of a mixture; constants that are all 0 are neutral."""
    kinds = set[Kind]()
    bounds: Range | None = None
    for value in values:
        own = call.bounds(value)
        bounds = own if bounds is None else bounds.union(own)
        if call.depends(value):
            kinds.add(call.info(value).kind)
        elif not own.binary:
            kinds.add(ANALOG)
        elif not own.zero:
            kinds.add(SPIKES)
    if bounds is not None and bounds.binary:
        return SPIKES, bounds
    if not kinds or ANALOG in kinds:
        return ANALOG, bounds or ANY
    return (GRADED if GRADED in kinds else SPIKES), bounds or ANY


def events_of(call: OpCall, tensor: Tensor) -> Tensor:
    events = spike_events(tensor, call.info(tensor))
    return torch.zeros(tensor.shape, dtype=torch.float64) if events is None else events


def _moved(
    call: OpCall, moving: list[Tensor], companion: Callable[[Tensor], Tensor]
) -> list[Tensor]:
    """The same operator on what accompanies its tensors."""
    args, kwargs = call.raw
    args, kwargs = pytree.tree_map_only(
        Tensor,
        lambda t: companion(t).clone() if any(t is m for m in moving) else t,
        (args, {k: v for k, v in kwargs.items() if k not in ("dtype", "memory_format")}),
    )
    if call.name in ("to", "_to_copy", "type_as"):
        return [args[0]]
    return tensors_in(call.func(*args, **kwargs))


def copied(call: OpCall) -> list[TensorInfo]:
    """What is copied decides."""
    info = call.info(call.args[1])
    if call.args[1].shape == call.outs[0].shape:
        return [info if info.role == "input" else replace(info, role="input")]
    return [TensorInfo("input", info.kind, info.values, rounded=info.rounded)]


def kept_if_unscaled(call: OpCall) -> list[TensorInfo]:
    """Dropout: nothing in evaluation, else a mask and a factor."""
    if not call.args[2]:
        return [call.info(call.args[0])]
    kind = call.info(call.args[0]).kind
    return [TensorInfo("input", ANALOG if kind == ANALOG else GRADED)]


def accumulated(call: OpCall) -> list[TensorInfo]:
    """Scattered or indexed sums: of spikes graded."""
    tensors = [t for t in call.tensors if t.is_floating_point()]
    kind, bounds = joined(call, tensors)
    if kind == ANALOG:
        return [ANALOG_INPUT]
    high = math.inf if bounds.high > 0 else 0
    return [TensorInfo("input", GRADED, Range(min(bounds.low, 0), high, bounds.whole))]


def written(call: OpCall) -> list[TensorInfo]:
    """index_put(x, indices, values, accumulate), scatter(x, dim, index, values, reduce)."""
    joins = call.args[3] if "index_put" in call.name else (call.args[4:5] or [None])[0]
    if joins:
        return accumulated(call)
    return carried(0, 2 if "index_put" in call.name else 3)(call)
