"""Models that each break one clause of the contract, and two that keep it."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liafbench.baselines import Baseline
from liafbench.baselines.backbones import Backbone


class Good(nn.Module):
    """Mean frame, one hidden layer."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        pixels = backbone.channels * backbone.height * backbone.width
        self.hidden = nn.Linear(pixels, backbone.recurrent_units)
        self.classifier = nn.Linear(backbone.recurrent_units, backbone.classes)

    def features(self, x: Tensor) -> Tensor:
        return self.hidden(x.flatten(2).mean(0)).relu()

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class KeepsTime(Good):
    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.hidden(x.flatten(2)).relu())


class OneClassMore(Good):
    def forward(self, x: Tensor) -> Tensor:
        return F.pad(super().forward(x), (0, 1))


class Pair(Good):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x), x  # type: ignore[return-value]


class NotFinite(Good):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 0


class WrongSize(Good):
    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        self.hidden = nn.Linear(3, backbone.recurrent_units)


class Remembers(Good):
    """Carries its trace from one batch to the next of the same size."""

    trace: Tensor | None = None

    def features(self, x: Tensor) -> Tensor:
        new = super().features(x).detach()
        old = 0.0 if self.trace is None or self.trace.shape != new.shape else self.trace
        self.trace = new + old
        return super().features(x) + old


class RemembersShape(Good):
    """The usual spiking module that nobody reset: a batch of another size does not fit."""

    trace: Tensor | float = 0.0

    def features(self, x: Tensor) -> Tensor:
        self.trace = super().features(x) + 0.5 * self.trace
        return self.trace


class RemembersGraph(Good):
    """Takes state up again in training only."""

    trace: Tensor | float = 0.0

    def features(self, x: Tensor) -> Tensor:
        found = super().features(x)
        if self.training:
            self.trace = found = found + 0.5 * self.trace
        return found


class AlwaysDrops(Good):
    def features(self, x: Tensor) -> Tensor:
        return F.dropout(super().features(x), training=True)


class Dices(Good):
    """Random numbers that no seed of torch fixes."""

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * random.random()


class DicesOnce(Good):
    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        with torch.no_grad():
            self.hidden.bias.fill_(random.random())


class BatchStatistics(Good):
    def features(self, x: Tensor) -> Tensor:
        found = super().features(x)
        return found - found.mean(dim=0)


class TimeAndBatchMistaken(Good):
    """Pools over samples where it should pool over time."""

    def features(self, x: Tensor) -> Tensor:
        mixed = x.flatten(2).mean(1, keepdim=True).expand(-1, x.shape[1], -1)
        return self.hidden(mixed[-1] + x.flatten(2)[-1]).relu()


class HidesState(Good):
    """Learns into a plain attribute, which no checkpoint holds."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        self.scale = torch.rand(())

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * self.scale


class Detached(Good):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach().requires_grad_()


class UnusedLayer(Good):
    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        self.spare = nn.Linear(3, 3)


class Fixed(Good):
    """Its layers do not follow the backbone's width."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        pixels = backbone.channels * backbone.height * backbone.width
        self.hidden = nn.Linear(pixels, 16)
        self.classifier = nn.Linear(16, backbone.classes)


class Uncountable(Good):
    def features(self, x: Tensor) -> Tensor:
        return torch.linalg.qr(super().features(x).unsqueeze(2)).Q.squeeze(2)


class Deaf(Good):
    """Gradients arrive, but what it says does not depend on the input."""

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * 0.0 + 0.0 * self.hidden.bias

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(self.features(x), self.classifier.weight)


class Stories(nn.Module):
    """Reads tokens; its bias acts on padding too when it counts the steps."""

    def __init__(self, backbone: Backbone, divide: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(backbone.classes, backbone.recurrent_units, padding_idx=0)
        self.classifier = nn.Linear(backbone.recurrent_units, backbone.classes)
        self.divide = divide

    def forward(self, x: Tensor) -> Tensor:
        total = self.embedding(x).sum(0)
        return self.classifier(total / len(x) if self.divide else total)


def divides_by_length(backbone: Backbone) -> Stories:
    return Stories(backbone, divide=True)


def not_a_module(backbone: Backbone) -> str:
    return "network"


def nothing_to_train(backbone: Backbone) -> nn.Module:
    return nn.Flatten()


def frames_only(backbone: Backbone) -> str | None:
    return "reads frames only" if backbone.tokens else None


OWN = Baseline(
    "own",
    "My own",
    "",
    lambda backbone, engine: {"model": Good(backbone)},
    refuses=frames_only,
    reference="@misc{own2026,\n  title = {My own}\n}",
)
