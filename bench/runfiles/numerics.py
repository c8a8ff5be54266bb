"""Versions of the numbers: after a fix that changes them older runs are stale."""

from __future__ import annotations

from collections.abc import Iterable

NUMERICS_VERSION = 1
"""Bumped by hand after a fix that changes numbers: older records are then stale. It goes past every
sum that `numerics_version` ever gave."""
NUMERICS_OF = {("lstm", "tokens"): 2, ("gru", "tokens"): 2}
"""Where a fix changed what some networks learn and nothing else: by baseline and backbone."""
NUMERICS_OF_PRECISION = {"bfloat16": 2}
"""Likewise by precision: what neurons put out under autocast is no longer float32."""


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
