"""Metrics of other packages: a function of a trained network and the splits of its task.

def my_metric(net, splits):
    ...
    return value, "unit"
"""

from __future__ import annotations

import copy
import math
import numbers
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from liafbench.baselines import plugins
from liafbench.baselines.errors import UsageError, unknown

if TYPE_CHECKING:
    from torch import nn

    from liafbench.bench.tasks import Splits

Metric = Callable[["nn.Module", "Splits"], Any]


class Value(NamedTuple):
    """One measured value under the metric's name, as a suite or an entry point gives it."""

    metric: str
    value: float
    unit: str


def get(name: str) -> Metric:
    """The function of that name; UsageError where there is none."""
    found = plugins.find(plugins.METRIC_GROUP, name)
    if found is None:
        raise unknown("metric", name, plugins.declared(plugins.METRIC_GROUP))
    if not callable(found):
        raise UsageError(f"metric {name!r} is a {type(found).__name__}; it must be a function")
    return found


def measure(names: Iterable[str], net: nn.Module, splits: Splits) -> list[Value]:
    """Every metric on its own copy of the network, in eval mode on the CPU.

    The random state is put back afterwards: a metric changes no other number.
    """
    import torch

    values = []
    for name in names:
        function = get(name)
        with torch.random.fork_rng():
            result = function(copy.deepcopy(net).cpu().eval(), splits)
        values.append(Value(name, *_checked(name, result)))
    return values


def _checked(name: str, result: Any) -> tuple[float, str]:
    match result:
        case (numbers.Real() as value, str() as unit) if math.isfinite(value):
            return float(value), unit
    raise UsageError(
        f'metric {name!r} returned {result!r}; it must return a number and its unit: 1.5, "%"'
    )
