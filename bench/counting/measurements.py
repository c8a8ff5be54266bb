"""Counts of a trained network on test samples, as measurements, with estimated energies.

Energy is operations times published constants, never a measurement:

    mac_effective * E_mac + ac * E_ac + elementwise * E_op + words * E_word

One formula for every network. An elementwise operation is half a MAC, as in `flops`. `words` (only
where a set has E_word): one weight for every effective MAC and AC, one read of every input and one
write of every output of a synaptic call, one read and one write of every carried state of a unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from liafbench.bench.counting.counter import count_each, without_padding
from liafbench.bench.counting.counts import METRICS, STRUCTURE, Counts, deviation
from liafbench.bench.counting.tensor_info import Kind

_HOROWITZ = (
    "M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, "
    "doi 10.1109/ISSCC.2014.6757323"
)


@dataclass(frozen=True)
class EnergyConstants:
    """Picojoules per operation and per word moved, with where they come from."""

    name: str
    title: str
    multiply: float
    add: float
    word: float
    node: str
    precision: str
    source: str

    @property
    def mac(self) -> float:
        """One multiplication and one addition."""
        return self.multiply + self.add

    @property
    def ac(self) -> float:
        """One addition."""
        return self.add

    @property
    def op(self) -> float:
        """One elementwise operation: half a MAC."""
        return self.mac / 2


def _set(
    name: str, title: str, multiply: float, add: float, precision: str, word: float = 0.0
) -> EnergyConstants:
    return EnergyConstants(name, title, multiply, add, word, "45 nm, 0.9 V", precision, _HOROWITZ)


ENERGY: dict[str, EnergyConstants] = {
    constants.name: constants
    for constants in (
        _set("45nm_fp32", "arithmetic only", 3.7, 0.9, "32-bit float"),
        _set("45nm_fp16", "arithmetic only", 1.1, 0.4, "16-bit float"),
        _set("45nm_int8", "arithmetic only", 0.2, 0.1, "8-bit integer, 32-bit accumulator"),
        # 10 pJ for 64 bits out of an 8 KB cache; a 32-bit word is half of it. No DRAM.
        _set("45nm_fp32_memory", "with on-chip memory traffic", 3.7, 0.9, "32-bit float", 5.0),
    )
}


def energy(counts: object, constants: EnergyConstants, *, dense: bool = False) -> float:
    """Estimated picojoules per sample of counts (an object or a mapping with their names).

    `dense`: every MAC is executed, whether its input is zero or not. Raises ValueError for counts
    without values where the sparse ones are needed.
    """

    def of(name: str) -> float:
        value = counts[name] if isinstance(counts, Mapping) else getattr(counts, name)
        if value is None:
            raise ValueError(f"{name} was not counted: give inputs with values, or dense=True")
        return float(value)

    macs, acs = (of("mac_dense"), 0.0) if dense else (of("mac_effective"), of("ac"))
    words = macs + acs + of("activation_words") + of("state_words")
    return (
        macs * constants.mac
        + acs * constants.ac
        + of("elementwise") * constants.op
        + words * constants.word
    )


_PICO_TO_MICRO = 1e-6
LAYER_METRICS = (
    "weights", "parameters", "mac_dense", "mac_effective", "ac", "elementwise", "spike_rate",
)  # fmt: skip

MEASURED = frozenset(METRICS).union(
    *((f"energy_{name}", f"energy_dense_{name}") for name in ENERGY)
)
"""The names of all that `measurements` gives."""


@dataclass(frozen=True)
class Measurement:
    """One measured value: over `n` samples, with their standard deviation as spread."""

    metric: str
    value: float
    unit: str
    n: int
    spread: float


def count_trained(
    net: nn.Module, samples: Iterable[Tensor], *, input_kind: Kind = "analog"
) -> list[Measurement]:
    """Every count of a trained network on samples [T, 1, ...], and its estimated energies."""
    return measurements(trained_counts(net, samples, input_kind=input_kind))


def trained_counts(
    net: nn.Module, samples: Iterable[Tensor], *, input_kind: Kind = "analog"
) -> Counts:
    """The counts of a trained network on samples [T, 1, ...].

    Token samples [T, 1] lose the padding on their left: padding is not counted.
    """
    unpadded = (s if s.is_floating_point() else without_padding(s) for s in samples)
    return count_each(net, unpadded, input_kind=input_kind)


def layer_rows(counts: Counts) -> list[dict[str, Any]]:
    """What run files keep of each layer: its path, and what LAYER_METRICS names."""
    rows = counts.to_dict()["by_layer"]
    return [{name: row[name] for name in ("layer", *LAYER_METRICS)} for row in rows]


def measurements(counts: Counts) -> list[Measurement]:
    """The totals of counts over samples, and estimated energies; structure has no spread."""
    found = []
    for metric, unit in METRICS.items():
        value = getattr(counts, metric)
        if value is None:
            continue
        n = 1 if metric in STRUCTURE else counts.samples
        values = [e[metric] for e in counts.each if metric in e]
        found.append(Measurement(metric, value, unit, n, deviation(values)))
    if counts.ac is not None:
        found += energies(counts)
    return found


def energies(counts: Counts) -> list[Measurement]:
    """Estimated energy per sample for every set of constants, sparse and dense."""
    found = []
    for name, constants in ENERGY.items():
        for metric, dense in ((f"energy_{name}", False), (f"energy_dense_{name}", True)):
            value = _PICO_TO_MICRO * energy(counts, constants, dense=dense)
            each = [_PICO_TO_MICRO * energy(e, constants, dense=dense) for e in counts.each]
            unit = "uJ/sample"
            found.append(Measurement(metric, value, unit, counts.samples, deviation(each)))
    return found
