"""What an operator makes of the kinds of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils import _pytree as pytree

from liafbench.bench.counting.geometry import listed
from liafbench.bench.counting.known import (
    ANALOG,
    GRADED,
    SPIKES,
    Kind,
    Known,
    indicator,
    presence,
    spike_events,
)
from liafbench.bench.counting.names import FREE, words
from liafbench.bench.counting.reductions import adaptive_windows

KnownOf = Callable[[Tensor], Known]

# "view", "cat" and the like carry values over unchanged; these of the free ones do not.
_MAKERS = words(
    """
    one_hot embedding nonzero argwhere size item any all isnan isinf isfinite bincount
    _pad_packed_sequence
    """
)
_LOGIC = words(
    """
    __and__ __or__ __xor__ bitwise_and bitwise_or bitwise_xor bitwise_not logical_and logical_or
    logical_xor logical_not isnan isinf isfinite eq ne lt le gt ge heaviside one_hot any all
    bernoulli
    """
)
_SAME_VALUES = (FREE - _MAKERS - _LOGIC) | {"dropout", "feature_dropout", "alpha_dropout"}
_RECTIFIERS = words(
    """
    relu abs relu6 clamp_min threshold
    """
)
_MAXIMA = frozenset(
    [
        f"{n}max_pool{d}d{w}"
        for n in ("", "adaptive_")
        for d in (1, 2, 3)
        for w in ("", "_with_indices")
    ]
    + ["amax", "amin", "max", "min", "maximum", "minimum"]
)
_PRESERVES_ORIGIN = words(
    """
    add sub rsub mul div neg lerp batch_norm layer_norm group_norm instance_norm sum mean where
    masked_fill avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    """
)


def propagate(
    name: str,
    func: Any,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    outs: list[Tensor],
    known: KnownOf,
) -> list[Known]:
    """What is known of an operator's results, given that one of its inputs is an input."""
    tensors = [a for a in pytree.tree_leaves((args, kwargs)) if isinstance(a, Tensor)]
    facts = [known(t) for t in tensors]
    origin = frozenset[int]()
    if name in _PRESERVES_ORIGIN or name in _SAME_VALUES:
        origin = frozenset().union(*(f.origin for f in facts))
    results = _kinds(name, func, args, kwargs, outs, known, tensors, facts)
    return [replace(r, origin=origin) for r in results]


def _kinds(
    name: str,
    func: Any,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    outs: list[Tensor],
    known: KnownOf,
    tensors: list[Tensor],
    facts: list[Known],
) -> list[Known]:
    analog, spikes = Known("input"), Known("input", SPIKES)
    if name in _LOGIC:
        return [spikes] * len(outs)
    if name == "copy":  # what is copied decides, and the values speak for themselves
        return [facts[-1] if tensors[-1].shape == outs[0].shape else analog]
    if name in _SAME_VALUES:
        return _carried(func, args, kwargs, outs, known, tensors, facts)
    if name in _MAXIMA or name in _RECTIFIERS or name == "where" or name == "masked_fill":
        return [_extreme(name, args, tensors, facts)] * len(outs)
    meta = outs[0].is_meta
    if name in ("add", "sub"):
        return [_sum(args, outs[0], known)]
    if name in ("mul", "div"):
        return [_product(name, args, outs[0], known)]
    fact = facts[0] if facts else analog
    if fact.kind != ANALOG and (name in ("sum", "mean") or "avg_pool" in name):
        events = None if meta else spike_events(tensors[0], fact)
        return [Known("input", GRADED, events=_pooled(name, args, outs[0], events))]
    if name == "neg" and fact.kind != ANALOG:
        return [Known("input", GRADED, events=None if meta else spike_events(tensors[0], fact))]
    return [analog] * len(outs)


def join(facts: Sequence[Known], values: Sequence[Tensor]) -> Kind:
    """The kind of a mixture; constants that are all 0 are neutral."""
    kinds = set[Kind]()
    for fact, value in zip(facts, values, strict=True):
        if fact.role == "input":
            kinds.add(fact.kind)
        elif not _is_zero(value):
            kinds.add(ANALOG)
    if not kinds or ANALOG in kinds:
        return ANALOG
    return GRADED if GRADED in kinds else SPIKES


def _is_zero(value: Any) -> bool:
    if not isinstance(value, Tensor):
        return value is None or value == 0
    return not value.is_meta and not bool(value.any())


def _carried(
    func: Any,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    outs: list[Tensor],
    known: KnownOf,
    tensors: list[Tensor],
    facts: list[Known],
) -> list[Known]:
    """Views, copies and concatenations: the same operator moves what is known along."""
    floats = [(f, t) for f, t in zip(facts, tensors, strict=True) if not _is_index(t, tensors)]
    kind = join([f for f, _ in floats], [t for _, t in floats])
    found = [Known("input", kind)] * len(outs)
    if outs[0].is_meta:
        return found
    if any(f.present is not None or f.role == "fresh" for f, _ in floats) and kind == ANALOG:
        moved = _moved(func, args, kwargs, lambda t: presence(t, known(t)), tensors)
        found = [replace(f, present=m) for f, m in zip(found, moved, strict=True)]
    if kind == GRADED:
        moved = _moved(func, args, kwargs, lambda t: _events(t, known(t)), tensors)
        found = [replace(f, events=m) for f, m in zip(found, moved, strict=True)]
    return found


def _is_index(t: Tensor, tensors: list[Tensor]) -> bool:
    """Integer arguments beside others are positions, not values."""
    integral = not (t.is_floating_point() or t.is_complex())
    return integral and any(o.is_floating_point() for o in tensors)


def _events(t: Tensor, fact: Known) -> Tensor:
    events = spike_events(t, fact)
    return torch.zeros(t.shape, dtype=torch.float64) if events is None else events


def _moved(
    func: Any,
    args: Any,
    kwargs: Any,
    companion: Callable[[Tensor], Tensor],
    tensors: list[Tensor],
) -> list[Tensor]:
    def replaced(t: Tensor) -> Tensor:
        return t if _is_index(t, tensors) else companion(t).clone()

    args, kwargs = pytree.tree_map_only(Tensor, replaced, (args, kwargs))
    kwargs = {k: v for k, v in kwargs.items() if k not in ("dtype", "memory_format")}
    if "to" in str(func).split(".") or "_to_copy" in str(func):
        args, kwargs = args[:1], {"dtype": torch.float64}
        moved = args[0].to(torch.float64)
    else:
        moved = func(*args, **kwargs)
    return [t for t in pytree.tree_leaves(moved) if isinstance(t, Tensor)]


def _extreme(name: str, args: Sequence[Any], tensors: list[Tensor], facts: list[Known]) -> Known:
    """Maxima and selections of spikes are spikes; of graded values they no longer sum spikes."""
    pairs = list(zip(facts, tensors, strict=True))
    if name in ("where", "masked_fill"):
        pairs = [(f, t) for f, t in pairs if t.dtype != torch.bool] or pairs
        scalars = [a for a in args[1:] if isinstance(a, int | float) and a != 0]
        if scalars:
            return Known("input")
    kind = join([f for f, _ in pairs], [t for _, t in pairs])
    if kind == GRADED and name in _RECTIFIERS and len(pairs) == 1:
        return Known("input", GRADED, events=pairs[0][0].events)
    return Known("input", kind if kind == SPIKES else ANALOG)


def _sum(args: Sequence[Any], out: Tensor, known: KnownOf) -> Known:
    """Residual addition: spikes and graded values sum their spikes; an offset makes it analog."""
    operands = [(a, known(a)) for a in args[:2] if isinstance(a, Tensor)]
    others = [a for a in args[:2] if not isinstance(a, Tensor)]
    inputs = [(a, f) for a, f in operands if f.role == "input"]
    if any(not _is_zero(a) for a in others + [a for a, f in operands if f.role != "input"]):
        return Known("input")
    if any(f.kind == ANALOG for _, f in inputs):
        return Known("input")
    if len(inputs) == 1:
        fact = inputs[0][1]
        return fact if inputs[0][0].shape == out.shape else Known("input", fact.kind)
    if out.is_meta:
        return Known("input", GRADED)
    events = sum(_events(a, f).expand(out.shape) for a, f in inputs)
    assert isinstance(events, Tensor)
    return Known("input", GRADED, events=events)


def _product(name: str, args: Sequence[Any], out: Tensor, known: KnownOf) -> Known:
    """Scaled spikes are graded; spikes times spikes are spikes."""
    operands = [(a, known(a)) for a in args[:2] if isinstance(a, Tensor)]
    inputs = [(a, f) for a, f in operands if f.role == "input"]
    kinds = [f.kind for _, f in inputs]
    if ANALOG in kinds or (name == "div" and len(inputs) == 2):
        return Known("input")
    if len(inputs) == 2 and kinds == [SPIKES, SPIKES]:
        return Known("input", SPIKES)
    if out.is_meta:
        return Known("input", GRADED)
    events = torch.ones(out.shape, dtype=torch.float64)
    for value, fact in operands:
        if fact.role == "input":
            events = events * _events(value, fact)
        elif name == "mul":  # a constant of 0 cuts a spike off
            events = events * indicator(value)
    return Known("input", GRADED, events=events)


def _pooled(name: str, args: Sequence[Any], out: Tensor, events: Tensor | None) -> Tensor | None:
    """How many spikes fall into every window, or into every sum."""
    if events is None:
        return None
    if name in ("sum", "mean"):
        dims, keep = (args[1], args[2]) if len(args) > 2 else (None, False)
        return events.sum() if dims is None else events.sum(dims, keepdim=keep)
    axes = int(name[-2])
    if name.startswith("adaptive"):
        average = getattr(functional, name)(events, args[1])
        for axis, (size, outs) in enumerate(
            zip(events.shape[-axes:], out.shape[-axes:], strict=True), start=-axes
        ):
            windows = torch.tensor(adaptive_windows(size, outs), dtype=torch.float64)
            average = average * windows.reshape([-1] + [1] * (-axis - 1))
        return average.round()
    kernel, padding = listed(args[1], axes), listed(args[3], axes)
    stride = listed(args[2] or args[1], axes)
    if axes == 1:  # avg_pool1d takes no divisor: as images of one row
        kernel, stride, padding = (1, *kernel), (1, *stride), (0, *padding)
        events = events.unsqueeze(-2)
    pool = functional.avg_pool3d if axes == 3 else functional.avg_pool2d
    pooled = pool(events, kernel, stride, padding, args[4], True, 1)
    return (pooled.squeeze(-2) if axes == 1 else pooled).round()
