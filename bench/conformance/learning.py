"""Does it learn: gradients arrive, a second step works, it overfits one batch."""

from __future__ import annotations

import math
import statistics

import torch
import torch.nn.functional as F

from liafbench.bench.conformance.finding import RAISED_BY_MODELS, Finding, said
from liafbench.bench.conformance.fixture import Fixture

STEPS = 30
RATES = (3e-3, 3e-2, 3e-4)
ENOUGH = 0.8
"""Of the loss at the start: what a network that learns is below after STEPS steps."""


def gradients(fixture: Fixture) -> Finding:
    """Two training steps; every parameter gets a finite gradient."""
    name, net = "gradients", fixture.net().train()
    try:
        for _ in range(2):
            net.zero_grad()
            F.cross_entropy(net(fixture.x), fixture.y).backward()
    except RAISED_BY_MODELS as error:
        hint = ""
        if "second time" in str(error):
            hint = "; state with a graph survives the call: create it at the start of forward"
        return Finding(name, "wrong", f"a training step raised {said(error)}{hint}")
    trainable = {n: p.grad for n, p in net.named_parameters() if p.requires_grad}
    without = [n for n, grad in trainable.items() if grad is None]
    if len(without) == len(trainable):
        return Finding(name, "wrong", "no parameter gets a gradient; is something detached?")
    broken = [n for n, grad in trainable.items() if grad is not None and not _finite(grad)]
    if broken:
        return Finding(name, "wrong", f"the gradient of {broken[0]} is not finite")
    if without:
        text = f"{', '.join(without)} get no gradient, yet count as parameters"
        return Finding(name, "note", text)
    return Finding(name, "ok", f"all {len(trainable)} parameter tensors get one")


def learns(fixture: Fixture) -> Finding:
    """Thirty steps of Adam on one batch bring its loss down, at one of three learning rates."""
    name = "learns"
    ends = {}
    for rate in RATES:
        start, end = _memorise(fixture, rate)
        if end < ENOUGH * start:
            text = f"loss {start:.2f} -> {end:.2f} in {STEPS} steps on {len(fixture.y)} samples"
            return Finding(name, "ok", text)
        ends[rate] = end
    tried = ", ".join(f"{end:.2f} at {rate:g}" for rate, end in ends.items())
    text = (
        f"it does not overfit one batch of {len(fixture.y)} samples: loss {start:.2f} at the "
        f"start, after {STEPS} steps of Adam {tried}"
    )
    return Finding(name, "wrong", text)


def _memorise(fixture: Fixture, rate: float) -> tuple[float, float]:
    """Loss at the first step and over the last five."""
    net = fixture.net().train()
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=rate)
    losses: list[float] = []
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(fixture.x), fixture.y)
        if not math.isfinite(loss.item()):
            return losses[0] if losses else math.inf, math.inf
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], statistics.fmean(losses[-5:])


def _finite(grad: torch.Tensor) -> bool:
    return bool(torch.isfinite(grad).all())
