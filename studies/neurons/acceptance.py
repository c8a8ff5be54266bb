"""What the kernels are held to, and what was reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from studies.neurons.footprint import Extra
from studies.neurons.layers import COMPILED, EAGER, NATIVE, Row
from studies.neurons.network import FLOOR, STEPWISE, Step

FORWARD_LIMIT = 1.5  # times the memory limit
TRAINING_LIMIT = 2.4
EXTRA_INPUTS = 2.1  # sizes of the input
FLOOR_LIMIT = 1.1  # times the step with ReLU

FORWARD, TRAINING = "forward", "training"


@dataclass(frozen=True)
class Verdict:
    """One bound: the worst value measured, where, and whether it holds."""

    what: str
    bound: str
    reached: float
    where: str
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def layer_verdicts(rows: list[Row]) -> Iterator[Verdict]:
    """Against the memory limit and the libraries, over every cell."""
    native = [row for row in rows if row.contender == NATIVE]
    for work, bound in ((FORWARD, FORWARD_LIMIT), (TRAINING, TRAINING_LIMIT)):
        found = [(row.to_limit, _cell(row)) for row in native if row.work == work]
        yield from _at_most(f"native {work}, x the memory limit", bound, found)
    for kind, work, least in (
        ("lif", TRAINING, 6.0),
        ("lif", FORWARD, 10.0),
        ("liaf", TRAINING, 6.0),
        ("klif", TRAINING, 6.0),
    ):
        yield from _at_least(
            f"{kind} {work}, x faster than the best eager library",
            least,
            _best_eager(rows, kind, work),
        )
    klif = [
        (row.times_native, _cell(row))
        for row in rows
        if (row.neuron, row.time_steps, row.contender) == ("klif", 8, "spikingjelly")
    ]
    yield from _at_least("klif at T=8, x faster than spikingjelly", 9.0, klif)
    compiled = [(row.times_native, _cell(row)) for row in rows if row.contender == COMPILED]
    yield from _at_least("x faster than spikingjelly under torch.compile", 1.0, compiled)


def memory_verdicts(extras: Iterable[Extra]) -> Iterator[Verdict]:
    """Extra memory of a training step in sizes of the input."""
    found = [(e.inputs, f"{e.neuron} T={e.time_steps}") for e in extras if e.engine == NATIVE]
    yield from _at_most("native training, extra memory in inputs", EXTRA_INPUTS, found)


def network_verdicts(steps: list[Step]) -> Iterator[Verdict]:
    """The whole training step, backbone by backbone, against the ReLU floor and spikingjelly twice:
    its neurons in the same network under the same options, and its own layers step by step.
    """
    bounds = (("float32", 1, 1.6), ("float32", 2, 2.2), ("bfloat16, channels last", None, 2.8))
    for backbone in sorted({step.backbone for step in steps}):
        here = [step for step in steps if step.backbone == backbone]
        for (options, threads, least), rival in product(bounds, ("spikingjelly", STEPWISE)):
            found = [
                (step.times_native, f"{step.threads} threads")
                for step in here
                if step.contender == rival
                and step.native == options
                and threads in (None, step.threads)
            ]
            on = f"{options}, {threads} thread(s)" if threads else options
            against = f"{rival} in float32" if rival == STEPWISE else rival
            yield from _at_least(f"{backbone} network, {on}: x faster than {against}", least, found)
        floor = [
            (1 / step.times_native, f"{step.threads} threads")
            for step in here
            if step.contender == FLOOR and step.native == "float32"
        ]
        yield from _at_most(f"{backbone} network, float32: x the ReLU floor", FLOOR_LIMIT, floor)


def _best_eager(rows: list[Row], kind: str, work: str) -> list[tuple[float, str]]:
    best: dict[str, float] = {}
    for row in rows:
        if (row.neuron, row.work) == (kind, work) and row.contender in EAGER:
            best[_cell(row)] = min(row.times_native, best.get(_cell(row), float("inf")))
    return [(value, cell) for cell, value in best.items()]


def _cell(row: Row) -> str:
    return f"{row.neuron} {row.work} T={row.time_steps} {row.elements // 2**20} M"


def _at_most(what: str, bound: float, found: list[tuple[float, str]]) -> Iterator[Verdict]:
    yield from _worst(what, f"at most {bound:g}", found, max, lambda value: value <= bound)


def _at_least(what: str, bound: float, found: list[tuple[float, str]]) -> Iterator[Verdict]:
    yield from _worst(what, f"at least {bound:g}", found, min, lambda value: value >= bound)


def _worst(
    what: str,
    bound: str,
    found: list[tuple[float, str]],
    worst: Callable[[list[tuple[float, str]]], tuple[float, str]],
    holds: Callable[[float], bool],
) -> Iterator[Verdict]:
    """Nothing where nothing was measured: a bound without a value holds for nobody."""
    if found:
        reached, where = worst(found)
        yield Verdict(what, bound, reached, where, holds(reached))
