"""A result depends on its input alone: not on chance, earlier batches or other samples."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from liafbench.bench.conformance.finding import RAISED_BY_MODELS, Finding, said
from liafbench.bench.conformance.fixture import BATCH, Fixture, call, result

ROUNDING = 1e-3
"""Relative difference of logits that summing in another order may make, with room to spare."""
RESET = "create the state at the start of forward"


def deterministic(fixture: Fixture) -> Finding:
    """The same network, input and random state give the same bits; eval mode draws nothing."""
    name, net = "deterministic", fixture.net()
    first = result(net, fixture.x, seed=1)
    if not torch.equal(first, result(net, fixture.x, seed=1)):
        text = "the same input gives another result each time, with torch's random state fixed"
        return Finding(name, "wrong", text)
    if not torch.equal(first, result(net, fixture.x, seed=2)):
        text = (
            "it draws random numbers in eval mode; switch them off when not self.training "
            "(a dropout made with F.dropout needs training=self.training)"
        )
        return Finding(name, "wrong", text)
    return Finding(name, "ok", "the same input gives the same bits")


def no_leak(fixture: Fixture) -> Finding:
    """A batch before, of the same or another size, changes nothing."""
    name = "no state between batches"
    fresh = result(fixture.net(), fixture.x)
    for before in (fixture.other[:, : BATCH // 2 + 1], fixture.other):
        used = fixture.net().eval()
        try:
            call(used, before)
            after = call(used, fixture.x)
        except RAISED_BY_MODELS as error:
            text = f"after a batch of another size it raised {said(error)}; {RESET}"
            return Finding(name, "wrong", text)
        if not torch.equal(fresh, after):
            text = f"the result for one input changes when another batch came before it; {RESET}"
            return Finding(name, "wrong", text)
    return Finding(name, "ok", "a batch before changes nothing")


def no_mates(fixture: Fixture) -> Finding:
    """A sample alone gives what it gives among others; stories also without their padding."""
    name, net = "samples are independent", fixture.net()
    together = result(net, fixture.x)
    alone = [result(net, fixture.x[:, i : i + 1]) for i in range(8)]
    if _differ(together, alone):
        text = (
            "a sample's result depends on the other samples of its batch; look for statistics "
            "over the batch in eval mode, or for time [T] and batch [B] mistaken for each other"
        )
        return Finding(name, "wrong", text)
    if fixture.backbone.tokens:
        bare = [result(net, _unpadded(fixture.x[:, i : i + 1])) for i in range(8)]
        if _differ(together, bare):
            text = (
                "a story's result depends on the padding (token 0) on its left; embed it as "
                "zero, leave out biases that act on it, and count no step of it"
            )
            return Finding(name, "wrong", text)
    return Finding(name, "ok", "a sample alone gives what it gives among others")


def _differ(together: Tensor, alone: list[Tensor]) -> bool:
    """Whether most samples differ by more than rounding: a threshold may flip one by itself."""
    scale = float(together.abs().max()) + 1e-12
    off = [float((together[i] - row[0]).abs().max()) for i, row in enumerate(alone)]
    return sum(each > ROUNDING * scale for each in off) > len(alone) / 2


def _unpadded(story: Tensor) -> Tensor:
    return story[int((story[:, 0] == 0).sum()) :]


def whole_state(fixture: Fixture) -> Finding:
    """A checkpoint brings everything back."""
    name = "checkpoint"
    trained, other = fixture.net(seed=0), fixture.net(seed=1)
    with torch.no_grad():
        trained.train()(fixture.other)  # moves the statistics of a BatchNorm, for instance
    try:
        other.load_state_dict(copy.deepcopy(trained.state_dict()))
    except RAISED_BY_MODELS as error:
        return Finding(name, "wrong", f"loading its own state_dict raised {said(error)}")
    if not torch.equal(result(trained, fixture.x), result(other, fixture.x)):
        text = (
            "a network loaded from the state_dict gives other results: "
            "hold what is learned in parameters or registered buffers"
        )
        return Finding(name, "wrong", text)
    return Finding(name, "ok", "its state_dict holds everything")
