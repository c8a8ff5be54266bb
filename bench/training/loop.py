"""The training loop every baseline goes through; the epoch is chosen on validation."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from liafbench.bench.execution import Execution
from liafbench.bench.suites import Recipe
from liafbench.bench.tasks import Split, Splits
from liafbench.bench.training.augment import make_augmentation
from liafbench.bench.training.evaluate import NotFinite, predict

EpochDone = Callable[[int, int], None]


class Diverged(RuntimeError):
    """The training loss or logits are no longer finite; carries the curves up to there."""

    def __init__(self, message: str, curves: dict[str, list[float]] | None = None) -> None:
        super().__init__(message)
        self.curves = curves or {}
        self.health: list[dict[str, object]] = []


@dataclass
class Fit:
    """What training gave: the weights of the best epoch and the curves of all.

    `seconds` counts training alone; evaluation on validation and test is outside it.
    """

    state: dict[str, Tensor]
    best_epoch: int
    validation_accuracy: float
    seconds: float
    curves: dict[str, list[float]] = field(default_factory=dict)


def fit(
    net: nn.Module,
    splits: Splits,
    recipe: Recipe,
    *,
    learning_rate: float,
    seed: int,
    execution: Execution,
    epochs: int | None = None,
    on_epoch: EpochDone | None = None,
) -> Fit:
    """Train by backpropagation through time and keep the epoch that is best on validation.

    Ties go to the later epoch. The test split is looked at only with `track_test`, for a curve
    that nothing else reads. Raises Diverged when the loss or logits are not finite.
    """
    epochs = epochs or recipe.epochs
    optimizer = make_optimizer(net, recipe, learning_rate)
    schedule = make_schedule(optimizer, recipe)
    generator = torch.Generator().manual_seed(seed)
    curves: dict[str, list[float]] = {"train_loss": [], "validation_accuracy": []}
    if recipe.track_test:
        curves["test_accuracy"] = []
    best = Fit(net.state_dict(), 0, -math.inf, 0.0, curves)
    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        loss = _train_epoch(net, splits.train, recipe, optimizer, generator, execution)
        best.seconds += time.perf_counter() - started
        if not math.isfinite(loss):
            raise Diverged(f"training loss is {loss} in epoch {epoch} of {epochs}", curves)
        if schedule is not None:
            schedule.step()
        curves["train_loss"].append(loss)
        try:
            curves["validation_accuracy"].append(
                predict(net, splits.validation, execution).accuracy
            )
            if recipe.track_test:
                curves["test_accuracy"].append(predict(net, splits.test, execution).accuracy)
        except NotFinite as error:
            raise Diverged(f"{error}, after epoch {epoch} of {epochs}", curves) from error
        if curves["validation_accuracy"][-1] >= best.validation_accuracy:
            best.validation_accuracy = curves["validation_accuracy"][-1]
            best.best_epoch = epoch
            best.state = copy.deepcopy(net.state_dict())
        if on_epoch is not None:
            on_epoch(epoch, epochs)
    net.load_state_dict(best.state)
    return best


def _train_epoch(
    net: nn.Module,
    train: Split,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    execution: Execution,
) -> float:
    """One pass over the training split; the mean loss over its samples."""
    loss_of = make_loss(recipe)
    augment = make_augmentation(recipe.augmentation) if recipe.augmentation != "none" else None
    net.train()
    total = torch.zeros((), dtype=torch.float64, device=execution.device)
    seen = 0
    for batch in train.batches(recipe.batch_size, generator=generator, bucket=recipe.bucket):
        x = augment(batch.x, generator) if augment is not None else batch.x
        y = batch.y.to(execution.device)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(execution(net, execution.place_input(x)), y)
        loss.backward()
        if recipe.gradient_clip is not None:
            nn.utils.clip_grad_norm_(net.parameters(), recipe.gradient_clip)
        optimizer.step()
        total += loss.detach().double() * len(y)
        seen += len(y)
    return float(total) / seen


def make_optimizer(net: nn.Module, recipe: Recipe, learning_rate: float) -> torch.optim.Optimizer:
    """The recipe's optimizer over every trainable parameter."""
    parameters = [p for p in net.parameters() if p.requires_grad]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
        )
    return torch.optim.Adam(parameters, lr=learning_rate, weight_decay=recipe.weight_decay)


def make_schedule(optimizer: torch.optim.Optimizer, recipe: Recipe) -> LRScheduler | None:
    """The learning-rate schedule, stepped once an epoch; None for a constant rate."""
    if recipe.schedule == "none":
        return None
    return CosineAnnealingLR(optimizer, T_max=recipe.t_max or recipe.epochs)


def make_loss(recipe: Recipe) -> Callable[[Tensor, Tensor], Tensor]:
    """Loss of logits [B, classes] and targets [B]."""
    if recipe.loss == "mse-rate":
        return _mse_on_rates
    return nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)


def _mse_on_rates(rates: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error to one-hot, the loss of the PLIF recipe for voted spike rates."""
    return F.mse_loss(rates, F.one_hot(targets, rates.shape[1]).to(rates.dtype))
