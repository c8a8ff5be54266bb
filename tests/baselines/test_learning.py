"""Each baseline learns what is in the order of events, and the controls do not."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from liafbench.baselines import BASELINES, Backbone, build
from liafbench.baselines.backbones import TOKENS_SPIKING
from liafbench.baselines.stages import Conv, Dense, Embed, Pool

FRAMES = Backbone(
    "toy", "toy", 1, 8, 8, 4, 2,
    (Conv(8, norm=True, bias=False), Pool("avg"), Conv(8, norm=True, bias=False), Pool("avg"),
     Dense(32), Dense(2, unit="none")),
    recurrent_units=16,
)  # fmt: skip
STORIES = Backbone(
    "toy", "toy", 0, 0, 0, 5, 6,
    (Embed(16, 6), Dense(24, bias=False), Dense(6, unit="none")),
    spiking=TOKENS_SPIKING, recurrent_units=24, readout="last",
)  # fmt: skip
SERVED = [
    (name, backbone)
    for backbone in (FRAMES, STORIES)
    for name, baseline in BASELINES.items()
    if not baseline.refuses(backbone)
]
# Without memory or order there is nothing to tell the classes apart.
BLIND = {"cnn", "liaf-net-alpha0", "bag-of-words"}


def two_flashes(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Class: is the left or the right half lit first? Every mean frame is the same, noise apart."""
    y = torch.randint(0, 2, (32,), generator=generator)
    x = torch.zeros(4, 32, 1, 8, 8)
    for i, label in enumerate(y.tolist()):
        first, second = (slice(0, 4), slice(4, 8)) if label else (slice(4, 8), slice(0, 4))
        x[1, i, :, :, first] = 1.0
        x[2, i, :, :, second] = 1.0
    return x + 0.05 * torch.randn(x.shape, generator=generator), y


def two_words(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Words 2 and 3 in either order before the question 4; the answer is the first of them."""
    y = torch.randint(2, 4, (32,), generator=generator)
    x = torch.stack([torch.zeros_like(y), y, 5 - y, torch.full_like(y, 4)])
    return x, y


@pytest.mark.parametrize(
    ("name", "backbone"), SERVED, ids=lambda value: getattr(value, "readout", value)
)
def test_learns_an_order(name, backbone):
    batch = two_words if backbone.tokens else two_flashes
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    net = build(name, "toy", backbone)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(40):
        x, y = batch(generator)
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        hits = torch.cat([net(x).argmax(1) == y for x, y in (batch(generator) for _ in range(8))])
    accuracy = hits.float().mean().item()
    if name in BLIND:
        assert accuracy < 0.75
    else:
        assert accuracy > 0.95
