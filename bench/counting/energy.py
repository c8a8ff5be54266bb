"""Estimated energy: operations times published constants. Never a measurement."""

from __future__ import annotations

from dataclasses import dataclass

from bench.counting.counts import Counts


@dataclass(frozen=True)
class EnergyConstants:
    """Picojoules per operation, with where they come from."""

    name: str
    mac: float
    ac: float
    op: float
    precision: str
    node: str
    source: str


ENERGY: dict[str, EnergyConstants] = {
    constants.name: constants
    for constants in (
        EnergyConstants(
            "45nm_fp32", 4.6, 0.9, 2.3, "float32", "45 nm, 0.9 V",
            "M. Horowitz, ISSCC 2014, doi 10.1109/ISSCC.2014.6757323",
        ),
    )
}


def energy(counts: Counts, constants: EnergyConstants) -> float:
    """Estimated picojoules per sample."""
    return (
        counts.mac_effective * constants.mac
        + counts.ac * constants.ac
        + counts.elementwise * constants.op
    )
