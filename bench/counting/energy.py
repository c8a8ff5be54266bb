"""Estimated energy: operations times published constants. Never a measurement.

    mac_effective * E_mac + ac * E_ac + elementwise * E_op + words * E_word

One formula for every network. An elementwise operation is half a MAC, as in `flops`. `words` (only
where a set has E_word): one weight for every effective MAC and AC, one read of every input and one
write of every output of a synaptic call, one read and one write of every carried state of a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
