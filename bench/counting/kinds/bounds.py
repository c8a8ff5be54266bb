"""Kinds through limits, rounding and comparisons of values: bounds by construction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from liafbench.bench.counting.kinds.propagation import joined
from liafbench.bench.counting.operators import KindRule, OpCall
from liafbench.bench.counting.tensor_info import (
    ANALOG,
    ANALOG_INPUT,
    ANY,
    GRADED,
    SPIKES,
    SPIKING_INPUT,
    Range,
    TensorInfo,
)


def converted(call: OpCall) -> list[TensorInfo]:
    """Another type; whole numbers are cut off at the point."""
    info, out = call.info(call.args[0]), call.outs[0]
    if call.args[0].is_floating_point() and not (out.is_floating_point() or out.is_complex()):
        return rounded_by(math.trunc)(replace(call, args=call.args[:1]))
    return [replace(info, role="input") if info.role != "input" else info]


def extreme(call: OpCall) -> list[TensorInfo]:
    """Maxima of spikes are spikes; of graded values they no longer sum spikes."""
    tensors = [t for t in call.tensors if t.is_floating_point() or t.dtype == torch.bool]
    kind, values = joined(call, tensors or call.tensors)
    if call.name in ("maximum", "minimum", "fmax", "fmin"):  # both bounds are those of either
        choose = max if "max" in call.name else min
        a, b = (call.bounds(value) for value in call.args[:2])
        values = Range(choose(a.low, b.low), choose(a.high, b.high), a.whole and b.whole)
    found = TensorInfo("input", kind if kind == SPIKES else ANALOG, values)
    return [replace(found, rounded=rounded(call))]


def limited(low: Any, high: Any, *, places: bool = False) -> KindRule:
    """Values are cut off below and above; with `places` by these arguments."""

    def rule(call: OpCall) -> list[TensorInfo]:
        info, values = call.info(call.args[0]), call.bounds(call.args[0])
        ends = [_end(call, end) if places else end for end in (low, high)]
        for end, sense in zip(ends, (max, min), strict=True):
            if end is None:
                continue
            if math.isnan(end):
                return [ANALOG_INPUT]
            whole = values.whole and (math.isinf(end) or float(end).is_integer())
            values = Range(sense(values.low, end), sense(values.high, end), whole)
        graded = info.kind == GRADED and ends[1] is None and not ends[0]
        if values == info.values or graded:
            return [replace(info, values=values, present=None, terms=())]
        return [TensorInfo("input", values=values, rounded=info.rounded)]

    return rule


def _end(call: OpCall, place: int | None) -> float | None:
    """A bound that is an argument: a number, a constant of one value, or not known."""
    value = None if place is None or place >= len(call.args) else call.args[place]
    if value is None:
        return None
    bounds = call.bounds(value)
    return bounds.low if bounds.low == bounds.high else math.nan


def absolute(call: OpCall) -> list[TensorInfo]:
    """|x|; of spikes and graded values their own."""
    info, b = call.info(call.args[0]), call.bounds(call.args[0])
    low = 0 if b.low <= 0 <= b.high else min(abs(b.low), abs(b.high))
    values = Range(low, max(abs(b.low), abs(b.high)), b.whole)
    return [TensorInfo("input", info.kind, values, rounded=info.rounded, events=info.events)]


def rounded_by(function: Callable[[float], float]) -> KindRule:
    """Whole numbers."""

    def rule(call: OpCall) -> list[TensorInfo]:
        info, b = call.info(call.args[0]), call.bounds(call.args[0])
        if len(call.args) > 1 and call.args[1]:
            return [ANALOG_INPUT]
        low, high = (e if math.isinf(e) else function(e) for e in (b.low, b.high))
        kind = info.kind if b.whole else ANALOG
        events = info.events if b.whole else None
        return [TensorInfo("input", kind, Range(low, high, True), events=events)]

    return rule


def masked_bits(call: OpCall) -> list[TensorInfo]:
    """a & b is at most what either is: by a 1 it is one bit."""
    ranges = [call.bounds(value) for value in call.args[:2]]
    return [TensorInfo("input", values=next((r for r in ranges if r.binary), ANY))]


def sign(call: OpCall) -> list[TensorInfo]:
    """-1, 0 or 1."""
    b = call.bounds(call.args[0])
    low, high = (-1 if b.low < 0 else 0), (1 if b.high > 0 else 0)
    return [TensorInfo("input", GRADED, Range(low, high, True), rounded=rounded(call))]


def step(call: OpCall) -> list[TensorInfo]:
    """heaviside: 0, 1, or the second argument at 0."""
    values = Range(0, 1, True).union(call.bounds(call.args[1]))
    return [TensorInfo("input", values=values)]


def remainder(call: OpCall) -> list[TensorInfo]:
    """Of whole numbers by a whole number."""
    b, by = call.bounds(call.args[0]), call.bounds(call.args[1])
    if not (b.whole and by.whole and by.low == by.high > 0) or (b.low < 0 and call.name == "fmod"):
        return [ANALOG_INPUT]
    return [TensorInfo("input", GRADED, Range(0, min(by.low - 1, max(b.high, 0)), True))]


def unit_kept(call: OpCall) -> list[TensorInfo]:
    """Functions with f(0) = 0 and f(1) = 1 (powers, roots, products): spikes stay spikes."""
    if call.bounds(call.args[0]).binary and rounded(call) is False:
        power = call.bounds(call.args[1]) if call.name == "pow" else Range(1, 1, True)
        if power.low > 0:
            return [SPIKING_INPUT]
    return [ANALOG_INPUT]


def rounded(call: OpCall) -> bool:
    return any(call.info(t).rounded for t in call.tensors)
