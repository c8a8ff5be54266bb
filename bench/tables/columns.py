"""The metrics a table can show: their heads, units, which way is better, how they are printed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

SEEDS = "seeds"
ROUNDS = "rounds"
FIXED = "fixed"


@dataclass(frozen=True)
class Column:
    """One metric. `spread` says over what its ± is: seeds, timing rounds, or fixed by the network.

    `scales`: whether k, M, G may stand before the unit in tables for people.
    """

    metric: str
    title: str
    unit: str
    best: Literal["high", "low"] | None = None
    spread: str = SEEDS
    scales: bool = False


def _count(metric: str, title: str, spread: str = FIXED) -> Column:
    return Column(metric, title, "1/sample", "low", spread, scales=True)


def _part(metric: str, title: str) -> Column:
    """Operations of one kind: few of it says nothing, the others may be many, so no rank."""
    return Column(metric, title, "1/sample", None, SEEDS, scales=True)


def _size(metric: str, title: str) -> Column:
    return Column(metric, title, "1", "low", FIXED, scales=True)


COLUMNS: dict[str, Column] = {}
"""The declared columns by metric, in the order in which they stand."""


def declare(column: Column) -> None:
    """Add a column behind those that are there, or replace one."""
    COLUMNS[column.metric] = column


for _column in (
    Column("test_accuracy", "test accuracy", "%", "high"),
    Column("best_test_accuracy", "best test epoch (as papers print)", "%"),
    Column("validation_accuracy", "validation accuracy", "%"),
    _size("parameters", "parameters"),
    _size("weights", "weights"),
    _size("synapses", "synapses"),
    _size("embedding", "embedding"),
    Column("neurons", "neurons", "1", None, FIXED, scales=True),
    _count("mac_dense", "dense MAC"),
    _part("mac_effective", "effective MAC"),
    _part("ac", "AC"),
    _part("ac_folded", "AC, pooling folded"),
    _count("elementwise", "elementwise"),
    _count("flops", "FLOP"),
    _count("neuron_updates", "neuron updates"),
    _count("adds", "adds"),
    _count("muls", "muls"),
    _count("activation_words", "activation words", SEEDS),
    _count("state_words", "state words"),
    Column("spike_rate", "spike rate", "1"),
    Column("inference_throughput", "inference", "samples/s", "high", ROUNDS, scales=True),
    Column("training_throughput", "training", "samples/s", "high", ROUNDS, scales=True),
    Column("forward_time", "forward of a step", "ms", "low", ROUNDS),
    Column("backward_time", "backward of a step", "ms", "low", ROUNDS),
    Column("optimizer_time", "optimizer of a step", "ms", "low", ROUNDS),
    Column("latency_p50", "latency p50", "ms", "low", ROUNDS),
    Column("latency_p95", "latency p95", "ms", "low", ROUNDS),
    Column("latency_p99", "latency p99", "ms", "low", ROUNDS),
    Column("peak_memory", "peak memory of a training step", "MiB", "low", ROUNDS),
    Column("training_time", "training time", "s"),
    Column("tuning_time", "tuning time", "s"),
    Column("best_epoch", "chosen epoch", "1"),
    Column("learning_rate", "learning rate", "1"),
):
    declare(_column)

ENERGY = "energy_"

COST = (
    "parameters", "weights", "synapses", "neurons", "mac_dense", "mac_effective", "ac",
    "ac_folded", "elementwise", "flops", "neuron_updates", "adds", "muls", "activation_words",
    "state_words", "embedding", "spike_rate",
)  # fmt: skip
"""The metrics of the cost table; every energy estimate joins them."""

ON_SAMPLES = (
    "mac_dense", "mac_effective", "ac", "ac_folded", "elementwise", "flops", "neuron_updates",
    "adds", "muls", "activation_words", "state_words", "spike_rate",
)  # fmt: skip
"""What is counted on test samples, and every energy estimate; sizes are not."""

MAIN_ENERGY = ("energy_45nm_fp32", "energy_45nm_fp32_memory")
"""The two estimates that stand for all: arithmetic alone, and with memory traffic."""

MAIN = (
    "test_accuracy", "best_test_accuracy", "parameters", "weights", "synapses", "mac_dense",
    "mac_effective", "ac", "elementwise", "flops", "spike_rate", "inference_throughput",
    "training_throughput", "peak_memory", "training_time",
)  # fmt: skip
"""The metrics of the comparison table; MAIN_ENERGY joins them."""

NARROW = (
    "test_accuracy", "best_test_accuracy", "weights", "mac_dense", "mac_effective", "ac",
    MAIN_ENERGY[0],
    "inference_throughput", "training_time",
)  # fmt: skip
"""What of the comparison table fits across a page or a terminal."""


def column(metric: str, unit: str = "") -> Column:
    """The column of a metric; one nobody declared (a user's) has its own name as head."""
    if metric in COLUMNS:
        return COLUMNS[metric]
    if metric.startswith(ENERGY):
        title = f"estimated energy ({metric.removeprefix(ENERGY).replace('_', ' ')})"
        return Column(metric, title, unit or "uJ/sample", "low")
    return Column(metric, metric, unit)


def place(metric: str) -> tuple[float, str]:
    """Sort key: declared metrics in their order, energies before the spike rate, users' last."""
    order = list(COLUMNS)
    if metric.startswith(ENERGY):
        return order.index("spike_rate") - 0.5, metric
    return order.index(metric) if metric in COLUMNS else len(order), metric


PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
DIGITS = 4
PERCENT_DECIMALS = 2


def scale(values: Iterable[float]) -> tuple[float, str]:
    """The power of ten, and its prefix, in which the median of a column reads best."""
    known = sorted(abs(value) for value in values if math.isfinite(value) and value != 0)
    if not known:
        return 1.0, ""
    median = known[len(known) // 2]
    return next(((power, prefix) for power, prefix in PREFIXES if median >= power), (1.0, ""))


def unit_text(unit: str, prefix: str) -> str:
    """A unit behind its prefix: `1/sample` in millions is `M/sample`, plain counts are `M`."""
    if not prefix:
        return "" if unit == "1" else unit
    if unit == "1":
        return prefix
    return f"{prefix}/{unit[2:]}" if unit.startswith("1/") else f"{prefix} {unit}"


def decimals(value: float) -> int:
    """Decimals that show four significant digits, none for large numbers."""
    if value == 0 or not math.isfinite(value):
        return 0
    return max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))


def number(value: float, unit: str = "") -> str:
    """One number: percentages with two decimals, tiny ones as powers, others to four digits."""
    if unit == "%":
        return f"{value:.{PERCENT_DECIMALS}f}"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.2e}"
    places = decimals(value)
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places and float(value).is_integer() else text


def with_spread(value: float, spread: float, unit: str = "") -> str:
    """`mean ± spread`, at most two digits of the spread; the mean alone where none is known."""
    if not math.isfinite(spread):
        return number(value, unit)
    if unit != "%" and value != 0 and abs(value) < 1e-3:
        return f"{value:.2e} ± {spread:.1e}"
    places = PERCENT_DECIMALS if unit == "%" else decimals(value)
    if spread > 0 and unit != "%":  # two digits of the spread say enough
        places = min(places, max(0, 1 - math.floor(math.log10(spread))))
    return f"{value:,.{places}f} ± {spread:,.{places}f}"
