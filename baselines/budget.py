"""Equal budget: the width at which a baseline has as many parameters as another.

Widths are found on torch's meta device: nothing is allocated, nothing initialised.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from liafbench.baselines.backbones import Backbone
from liafbench.baselines.errors import UsageError
from liafbench.baselines.registry import Baseline

if TYPE_CHECKING:
    from torch import nn

TOLERANCE = 0.05
"""Largest relative difference from the budget."""
LARGEST_WIDTH = 64.0
RESOLUTION = 1e-4
"""Of the search, relative; the widest stage has 2048 features."""


def parameter_count(net: nn.Module) -> int:
    """Number of trainable scalars."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


@cache
def parameters(baseline: Baseline, backbone: Backbone) -> int:
    """Parameters of a baseline on a backbone; the engine makes no difference to them."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return parameter_count(nn.ModuleDict(baseline.fill(backbone, "native")))


def width_for(baseline: Baseline, reference: Baseline, backbone: Backbone) -> float:
    """The width that brings `baseline` within 5 % of the parameters of `reference`.

    1 where it is there already. UsageError where the reference cannot serve the backbone, or where
    no width comes that close (channels are whole numbers).
    """
    reason = reference.refuses(backbone)
    if reason:
        raise UsageError(f"no budget of {reference.name} on {backbone.task}: {reason}")
    budget = parameters(reference, backbone)
    if _distance(baseline, backbone, 1.0, budget) <= TOLERANCE:
        return 1.0
    below, above = _bracket(baseline, backbone, budget)
    best = min(below, above, key=lambda width: _distance(baseline, backbone, width, budget))
    if _distance(baseline, backbone, best, budget) <= TOLERANCE:
        return best
    found = " and ".join(
        f"{parameters(baseline, backbone.scaled(width)):,}" for width in (below, above)
    )
    raise UsageError(
        f"{baseline.name} has no width within {TOLERANCE:.0%} of the {budget:,} parameters of "
        f"{reference.name} on {backbone.task} ({backbone.name}): the nearest have {found}"
    )


def _bracket(baseline: Baseline, backbone: Backbone, budget: int) -> tuple[float, float]:
    """Bisection to neighbouring widths, the parameter counts of which enclose the budget."""

    def fits(width: float) -> bool:
        return parameters(baseline, backbone.scaled(width)) <= budget

    below, above = 0.0, 1.0
    while above < LARGEST_WIDTH and fits(above):
        below, above = above, 2 * above
    while above - below > RESOLUTION * above:
        middle = (below + above) / 2
        below, above = (middle, above) if fits(middle) else (below, middle)
    return below, above


def _distance(baseline: Baseline, backbone: Backbone, width: float, budget: int) -> float:
    return abs(parameters(baseline, backbone.scaled(width)) - budget) / budget
