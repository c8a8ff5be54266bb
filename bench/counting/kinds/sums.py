"""Kinds through arithmetic: sums and products of spikes, and how many spikes they sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from liafbench.bench.counting.geometry import adaptive_windows, listed
from liafbench.bench.counting.kinds.bounds import rounded
from liafbench.bench.counting.kinds.propagation import events_of, linear
from liafbench.bench.counting.operators import KindRule, OpCall
from liafbench.bench.counting.tensor_info import (
    ANALOG,
    ANALOG_INPUT,
    ANY,
    GRADED,
    Range,
    TensorInfo,
    spike_events,
)

MOST_TERMS = 4
"""Of a sum whose terms are remembered."""


def added(sign: int, *, turned: bool = False) -> KindRule:
    """a + b and a - b (`turned`: b - a), with a factor `alpha` of the second operand.

    Spikes and graded values sum their spikes; an offset makes them analog.
    """
    return linear(partial(_sum, sign=sign, turned=turned))


def _sum(call: OpCall, sign: int, turned: bool) -> list[TensorInfo]:
    a, b, alpha = *call.args[:2], call.args[2] if len(call.args) > 2 else 1
    factors = (-alpha, 1) if turned else (1, sign * alpha)
    out = call.outs[0]
    ranges = [_scaled(call.bounds(v), f) for v, f in zip((a, b), factors, strict=True)]
    values = Range(
        ranges[0].low + ranges[1].low,
        ranges[0].high + ranges[1].high,
        ranges[0].whole and ranges[1].whole,
    )
    infos = [call.info(v) for v in (a, b) if isinstance(v, Tensor)]
    terms = _terms(call, (a, b), factors)
    if len(terms) == 1 and terms[0][0] == 1:  # straight-through: (hard - soft) + soft
        return [replace(terms[0][1], rounded=True, present=None)]
    rounded = any(i.rounded for i in infos)
    found = TensorInfo("input", ANALOG, values, rounded=rounded, terms=terms)
    inputs = [(v, call.info(v)) for v in (a, b) if call.depends(v)]
    constants = [v for v in (a, b) if not call.depends(v)]
    if any(not call.bounds(v).zero for v in constants) or any(i.kind == ANALOG for _, i in inputs):
        return [found]
    if len(inputs) == 1:
        value, info = inputs[0]
        kept = factors[0 if value is a else 1] == 1 and value.shape == out.shape
        return [info if kept else TensorInfo("input", info.kind, values, rounded=rounded)]
    if out.is_meta:
        return [replace(found, kind=GRADED)]
    events = sum(events_of(call, v).expand(out.shape) for v, _ in inputs)
    assert isinstance(events, Tensor)
    return [replace(found, kind=GRADED, events=events)]


def _scaled(values: Range, factor: Any) -> Range:
    if not isinstance(factor, int | float):
        return ANY
    ends = [_times(values.low, factor), _times(values.high, factor)]
    return Range(min(ends), max(ends), values.whole and float(factor).is_integer())


def _times(a: float, b: float) -> float:
    return 0 if a == 0 or b == 0 else a * b


def _terms(
    call: OpCall, operands: Sequence[Any], factors: Sequence[Any]
) -> tuple[tuple[int, TensorInfo], ...]:
    """The operands of a sum with their signs, less what cancels out."""
    terms: list[tuple[int, TensorInfo]] = []
    for value, factor in zip(operands, factors, strict=True):
        shaped = isinstance(value, Tensor) and value.shape == call.outs[0].shape
        if not shaped or factor not in (1, -1):
            return ()
        info = call.info(value)
        terms += [(factor * s, t) for s, t in info.terms or ((1, _without_terms(info)),)]
    left: list[tuple[int, TensorInfo]] = []
    for sign, term in terms:
        opposite = next((i for i, (s, t) in enumerate(left) if t is term and s == -sign), None)
        if opposite is None:
            left.append((sign, term))
        else:
            del left[opposite]
    return tuple(left) if len(left) <= MOST_TERMS else ()


def _without_terms(info: TensorInfo) -> TensorInfo:
    """The same, as one term of a sum."""
    return replace(info, terms=()) if info.terms else info


def multiplied(call: OpCall) -> list[TensorInfo]:
    """Scaled spikes are graded; spikes times spikes are spikes."""
    a, b = call.args[:2]
    for value, factor in ((a, b), (b, a)):
        if _unscaled(call, value, factor):
            return [call.info(value)]
    ranges = [call.bounds(v) for v in (a, b)]
    ends = [_times(x, y) for x in ranges[0][:2] for y in ranges[1][:2]]
    values = Range(min(ends), max(ends), ranges[0].whole and ranges[1].whole)
    inputs = [v for v in (a, b) if call.depends(v)]
    kinds = [call.info(v).kind for v in inputs]
    found = TensorInfo("input", ANALOG, values, rounded=rounded(call))
    if ANALOG in kinds or values.binary:
        return [found]
    return [_graded_product(call, found, (a, b))]


def divided(call: OpCall) -> list[TensorInfo]:
    """By a constant: scaled."""
    a, b = call.args[:2]
    if _unscaled(call, a, b):
        return [call.info(a)]
    if not call.depends(a) or call.depends(b) or call.info(a).kind == ANALOG:
        return [ANALOG_INPUT]
    return [_graded_product(call, TensorInfo("input"), (a,))]


def _unscaled(call: OpCall, value: Any, factor: Any) -> bool:
    """Whether a factor (or divisor) is a constant 1, and the value comes through as it is."""
    one = call.bounds(factor)
    neutral = one.low == one.high == 1 and not call.depends(factor)
    return neutral and call.depends(value) and value.shape == call.outs[0].shape


def _graded_product(call: OpCall, found: TensorInfo, operands: Sequence[Any]) -> TensorInfo:
    found = replace(found, kind=GRADED)
    out = call.outs[0]
    if out.is_meta:
        return found
    events = torch.ones(out.shape, dtype=torch.float64)
    for value in operands:
        if call.depends(value):
            events = events * events_of(call, value)
        elif isinstance(value, Tensor):  # a constant of 0 cuts a spike off
            events = events * (value != 0).double()
    return replace(found, events=events)


def negated(call: OpCall) -> list[TensorInfo]:
    """-x sums the same spikes."""
    x = call.args[0]
    info, values = call.info(x), _scaled(call.bounds(x), -1)
    if info.kind == ANALOG:
        return [TensorInfo("input", values=values, rounded=info.rounded)]
    events = spike_events(x, info)
    return [TensorInfo("input", GRADED, values, rounded=info.rounded, events=events)]


def summed(call: OpCall) -> list[TensorInfo]:
    """sum, mean: of spikes graded."""
    x = call.args[0]
    info, b = call.info(x), call.bounds(x)
    n = x.numel() // max(call.outs[0].numel(), 1)
    mean = call.name == "mean"
    values = Range(b.low, b.high, False) if mean else _scaled(b, n)
    if info.kind == ANALOG:
        return [TensorInfo("input", values=values)]
    events = spike_events(x, info)
    if events is not None:
        dims, keep = (call.args[1], call.args[2]) if len(call.args) > 2 else (None, False)
        events = events.sum() if dims is None else events.sum(dims, keepdim=keep)
    return [TensorInfo("input", GRADED, values, rounded=info.rounded, events=events)]


def running_sum(call: OpCall) -> list[TensorInfo]:
    """cumsum: of spikes graded."""
    x = call.args[0]
    info, b = call.info(x), call.bounds(x)
    if info.kind == ANALOG:
        return [ANALOG_INPUT]
    n = x.shape[call.args[1]] if x.dim() else 1
    values = Range(min(b.low, n * b.low), max(b.high, n * b.high), b.whole)
    events = spike_events(x, info)
    moved = None if events is None else events.cumsum(call.args[1])
    return [TensorInfo("input", GRADED, values, rounded=info.rounded, events=moved)]


def pooled(call: OpCall) -> list[TensorInfo]:
    """Averages over windows: of spikes graded."""
    info = call.info(call.args[0])
    if info.kind == ANALOG:
        return [ANALOG_INPUT]
    events = spike_events(call.args[0], info)
    return [TensorInfo("input", GRADED, events=_window_sums(call, events))]


def _window_sums(call: OpCall, events: Tensor | None) -> Tensor | None:
    """How many spikes fall into every window."""
    if events is None:
        return None
    name, args, out = call.name, call.args, call.outs[0]
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
    result = pool(events, kernel, stride, padding, args[4], True, 1)
    return (result.squeeze(-2) if axes == 1 else result).round()
