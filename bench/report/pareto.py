"""The Pareto front: who is not beaten in both accuracy and cost."""

from __future__ import annotations

import math
from collections.abc import Sequence


def front(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Places of the points that no other point beats: none costs less and gains as much.

    In order of rising cost; of equal points the first stands for all.
    """
    order = sorted(range(len(costs)), key=lambda i: (costs[i], -gains[i], i))
    best, kept = -math.inf, []
    for place in order:
        if gains[place] > best:
            best = gains[place]
            kept.append(place)
    return kept
