"""Residual spiking networks: what entered a block joined with what leaves it, and branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from support.zoo.case import Built, Draw, Net, folded, network
from support.zoo.functions import ClassWithSpike
from support.zoo.images import flat, lif
from torch import Tensor, nn


def residual(d: Draw, join: Callable[[Tensor, Tensor], Tensor], kind: str) -> Built:
    """The spikes of a block joined with those that entered it."""

    def body(m: Any, x: Tensor) -> Tensor:
        s = m.first(folded(m.stem, x))
        y = m.second(folded(m.inner, s))
        return folded(m.head, join(s, y))

    net = Net(
        body, stem=nn.Conv2d(2, 4, 3), first=lif(), inner=nn.Conv2d(4, 4, 3, padding=1),
        second=lif(ClassWithSpike.spike), head=nn.Conv2d(4, 3, d.choice((1, 2, 3))),
    )  # fmt: skip
    return Built(net, (d.frames(2),), {"stem": "analog", "inner": "spikes", "head": kind})


@network
def residual_add(d: Draw) -> Built:
    return residual(d, lambda s, y: s + y, "graded")


@network
def residual_and(d: Draw) -> Built:
    return residual(d, lambda s, y: s * y, "spikes")


@network
def residual_iand(d: Draw) -> Built:
    return residual(d, lambda s, y: (1.0 - y) * s, "spikes")


@network
def residual_or_by_maximum(d: Draw) -> Built:
    return residual(d, torch.maximum, "spikes")


@network
def residual_or_by_clamp(d: Draw) -> Built:
    return residual(d, lambda s, y: (s + y).clamp(0, 1), "spikes")


@network
def residual_or_by_minimum(d: Draw) -> Built:
    return residual(d, lambda s, y: torch.minimum(s + y, torch.ones_like(s)), "spikes")


@network
def residual_xor(d: Draw) -> Built:
    return residual(d, lambda s, y: (s != y).float(), "spikes")


@network
def residual_concatenation(d: Draw) -> Built:
    built = residual(d, lambda s, y: torch.cat((s, y), 2), "spikes")
    built.net.head = nn.Conv2d(8, 3, 2)
    return built


@network
def residual_of_potentials(d: Draw) -> Built:
    """The shortcut joins currents, so that convolutions see spikes only."""

    def body(m: Any, x: Tensor) -> Tensor:
        u = folded(m.stem, x)
        for conv in m.blocks:
            u = u + folded(conv, m.neuron(u))
        return m.head(flat(m.neuron(u)))

    net = Net(
        body, stem=nn.Conv2d(2, 3, 3), neuron=lif(), head=nn.Linear(36, d.classes),
        blocks=nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)),
    )  # fmt: skip
    truth = {"stem": "analog", "blocks.0": "spikes", "blocks.1": "spikes", "head": "spikes"}
    return Built(net, (d.frames(2),), truth)


@network
def branches_of_an_inception(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        s = m.neuron(folded(m.stem, x)).flatten(0, 1)
        pooled = F.max_pool2d(s, 3, 1, 1)
        y = torch.cat([m.one(s), m.three(s), m.pooled(pooled)], 1)
        return m.head((y > 0).float().flatten(1))

    net = Net(
        body, stem=nn.Conv2d(2, 4, 2), neuron=lif(), one=nn.Conv2d(4, 2, 1),
        three=nn.Conv2d(4, 2, 3, padding=1), pooled=nn.Conv2d(4, 1, 1),
        head=nn.Linear(5 * 20, d.classes),
    )  # fmt: skip
    truth = dict.fromkeys(("one", "three", "pooled", "head"), "spikes") | {"stem": "analog"}
    return Built(net, (d.frames(2),), truth)
