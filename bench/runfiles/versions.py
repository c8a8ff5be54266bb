"""Versions of the numbers in run files: after a fix that changes them older ones are told apart."""

from __future__ import annotations

from collections.abc import Iterable

NUMERICS_VERSION = 1
"""Bumped by hand after a fix that changes numbers: older records are then stale. It goes past every
sum that `numerics_version` ever gave."""
NUMERICS_OF = {("lstm", "tokens"): 2, ("gru", "tokens"): 2}
"""Where a fix changed what some networks learn and nothing else: by baseline and backbone."""
NUMERICS_OF_PRECISION = {"bfloat16": 2}
"""Likewise by precision: what neurons put out under autocast is no longer float32."""

COUNTS_VERSION = 2
"""Bumped by hand when counts change their meaning. 2: a neuron with beta 0 does not add it, nor
multiply by an alpha of 1, nor select where nothing resets (results/ERRATA.md)."""
_HARD_RESET = ("liaf", "plif", "small")
"""Backbones whose spiking neurons reset to a value: there version 2 differs."""
_SPIKING = ("liaf-net", "liaf-net-alpha0", "klif", "lif-snn")


def numerics_version(
    kind: str, baselines: Iterable[str], backbone: str, precision: object = None
) -> int:
    """The current version for a run; a network's speed does not depend on its initial weights."""
    if kind == "time":
        return NUMERICS_VERSION
    fixes = [NUMERICS_OF_PRECISION.get(str(precision), 0)]
    fixes += [NUMERICS_OF.get((baseline, backbone), 0) for baseline in baselines]
    # Added up, so that no fix hides behind another.
    return NUMERICS_VERSION + sum(max(0, fix - NUMERICS_VERSION) for fix in fixes)


def counts_version(baselines: Iterable[str], backbone: str) -> int:
    """The oldest version that counted these networks as today.

    A network of outside code may hold any neuron.
    """
    moved = backbone in _HARD_RESET
    if any(":" in name or (moved and name in _SPIKING) for name in baselines):
        return COUNTS_VERSION
    return 1
