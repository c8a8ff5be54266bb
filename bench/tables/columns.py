"""The metrics a table can show: their heads, units, and which way is better."""

from __future__ import annotations

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


COLUMNS = (
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
)
_BY_NAME = {column.metric: column for column in COLUMNS}
_ORDER = {column.metric: place for place, column in enumerate(COLUMNS)}
_ENERGY_PLACE = _ORDER["spike_rate"]
ENERGY = "energy_"

COST = (
    "parameters", "weights", "synapses", "neurons", "mac_dense", "mac_effective", "ac",
    "ac_folded", "elementwise", "flops", "neuron_updates", "adds", "muls", "activation_words",
    "state_words", "embedding", "spike_rate",
)  # fmt: skip
"""The metrics of the cost table; every energy estimate joins them."""

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
    if metric in _BY_NAME:
        return _BY_NAME[metric]
    if metric.startswith(ENERGY):
        title = f"estimated energy ({metric.removeprefix(ENERGY).replace('_', ' ')})"
        return Column(metric, title, unit or "uJ/sample", "low")
    return Column(metric, metric, unit)


def place(metric: str) -> tuple[float, str]:
    """Sort key: declared metrics in their order, energies before the spike rate, users' last."""
    if metric.startswith(ENERGY):
        return _ENERGY_PLACE - 0.5, metric
    return _ORDER.get(metric, len(_ORDER)), metric
