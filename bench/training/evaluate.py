"""Predictions of a network on a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from bench.tasks import Split


class Runner(Protocol):
    """Calls the network the way a recipe says (device, precision, memory format)."""

    def __call__(self, net: nn.Module, x: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True)
class Predictions:
    """Predicted and true classes of a split, in its stored order."""

    predicted: np.ndarray
    targets: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Boolean, one entry a sample."""
        return self.predicted == self.targets

    @property
    def accuracy(self) -> float:
        """Share of correct samples in percent."""
        return 100.0 * float(self.correct.mean())


@torch.no_grad()
def predict(net: nn.Module, split: Split, runner: Runner, batch_size: int = 128) -> Predictions:
    """Run the network in evaluation mode over a whole split."""
    was_training = net.training
    net.eval()
    predicted = np.full(len(split), -1, dtype=np.int64)
    # Stories of similar length together: less padding; `index` puts the answers back in order.
    for batch in split.batches(batch_size, bucket=True):
        logits = runner(net, batch.x)
        predicted[batch.index.numpy()] = logits.argmax(dim=1).cpu().numpy()
    net.train(was_training)
    return Predictions(predicted, np.asarray(split.targets))
