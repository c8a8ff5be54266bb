"""digits-dvs: it takes more than one frame, and their order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from torch import nn

from liafbench.bench.tasks import load
from liafbench.bench.tasks.digits_dvs import digits


@pytest.fixture(scope="module")
def whole() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """x [T, N, features] and y [N] of train and validation."""
    splits = load("digits-dvs")
    parts = {"train": splits.train, "validation": splits.validation}
    batches = {name: next(split.batches(len(split))) for name, split in parts.items()}
    return {name: (batch.x.flatten(2), batch.y) for name, batch in batches.items()}


@pytest.fixture(scope="module")
def gru(whole) -> nn.Module:
    """A small GRU trained on the frames in their order."""
    x, y = whole["train"]
    torch.manual_seed(0)
    cell, out = nn.GRU(x.shape[2], 48), nn.Linear(48, 10)
    net = nn.ModuleDict({"cell": cell, "out": out})
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(10):
        for rows in torch.randperm(len(y)).split(64):
            optimizer.zero_grad()
            logits = out(cell(x[:, rows])[0][-1])
            nn.functional.cross_entropy(logits, y[rows]).backward()
            optimizer.step()
    return net


def accuracy(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    with torch.no_grad():
        return (net["out"](net["cell"](x)[0][-1]).argmax(1) == y).float().mean().item()


def test_shuffled_frames_lower_the_accuracy_of_a_temporal_model(whole, gru):
    x, y = whole["validation"]
    ordered = accuracy(gru, x, y)
    orders = [torch.randperm(len(x), generator=torch.Generator().manual_seed(s)) for s in range(9)]
    shuffled = float(np.mean([accuracy(gru, x[order], y) for order in orders]))
    assert ordered >= 0.9
    assert shuffled <= ordered - 0.1


def test_no_single_frame_suffices(whole, gru):
    (x, y), (held_x, held_y) = whole["train"], whole["validation"]
    alone = [
        RidgeClassifier(10.0).fit(frame.numpy(), y.numpy()).score(held.numpy(), held_y.numpy())
        for frame, held in zip(x, held_x, strict=True)
    ]
    assert max(alone) <= accuracy(gru, held_x, held_y) - 0.03


def test_every_frame_has_events_of_both_kinds():
    splits = load("digits-dvs")
    frames = splits.train.samples.frames
    assert frames.shape == (1797, 10, 2, 16, 16)
    assert (frames.sum(axis=(0, 3, 4)) > 0).all()
    assert frames.dtype == np.uint8


def test_a_higher_threshold_gives_fewer_events():
    sums = [load("digits-dvs", contrast=c).train.samples.frames.sum() for c in (0.3, 1.2, 2.0)]
    assert sums[0] > sums[1] > sums[2] > 0


def test_no_image_occurs_twice():
    images, _ = digits()
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)


def test_sizes_of_the_splits_by_the_rule():
    splits = load("digits-dvs")
    counts = np.bincount(digits()[1])
    assert len(splits.test) == sum(count // 5 for count in counts)
    assert len(splits.validation) == sum((count - count // 5) // 10 for count in counts)
    assert sum(map(len, splits)) == 1797
