"""Predictions of a network on a split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from liafbench.bench.execution import Execution
from liafbench.bench.tasks import Split

ADVICE = "`liafbench check` says more of a model"


class NotFinite(RuntimeError):
    """A network gave logits that are no numbers: they choose no class."""


class WrongLogits(RuntimeError):
    """A network did not give one score for each sample and class."""


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
def predict(
    net: nn.Module, split: Split, execution: Execution, batch_size: int = 128
) -> Predictions:
    """Run the network in evaluation mode over a whole split.

    Raises NotFinite, or WrongLogits where the shape is not [samples, classes].
    """
    was_training = net.training
    net.eval()
    predicted = np.full(len(split), -1, dtype=np.int64)
    # Stories of similar length together: less padding; `index` puts the answers back in order.
    for batch in split.batches(batch_size, bucket=True):
        logits = _checked(net, execution(net, execution.place_input(batch.x)), len(batch.index))
        predicted[batch.index.numpy()] = logits.argmax(dim=1).cpu().numpy()
    net.train(was_training)
    return Predictions(predicted, np.asarray(split.targets))


def _checked(net: nn.Module, logits: object, samples: int) -> torch.Tensor:
    """Logits [samples, classes], all finite; of a bare module any number of classes."""
    if not isinstance(logits, torch.Tensor):
        raise WrongLogits(f"the network returned a {type(logits).__name__}, not logits; {ADVICE}")
    classes = getattr(getattr(net, "backbone", None), "classes", logits.shape[-1:].numel())
    if list(logits.shape) != [samples, classes]:
        found = list(logits.shape)
        raise WrongLogits(f"the network returned {found}, expected {[samples, classes]}; {ADVICE}")
    bad = int((~torch.isfinite(logits)).any(dim=1).sum())
    if bad:
        raise NotFinite(f"logits of {bad} of {samples} samples of a batch are not finite")
    return logits
