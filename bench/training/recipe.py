"""A recipe made executable: optimizer, schedule, loss, and how the network is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from liafbench.bench.suites import Recipe


@dataclass(frozen=True)
class Caller:
    """Calls a network on a device in the recipe's precision and memory format."""

    device: torch.device
    precision: str = "float32"
    channels_last: bool = False

    @classmethod
    def of(cls, recipe: Recipe, device: torch.device) -> Caller:
        return cls(device, recipe.precision, recipe.channels_last)

    def place(self, net: nn.Module) -> nn.Module:
        """Move the network to the device, its 4-d weights to the memory format."""
        net = net.to(self.device)
        if self.channels_last:
            for parameter in net.parameters():
                if parameter.dim() == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return net

    def __call__(self, net: nn.Module, x: Tensor) -> Tensor:
        x = x.to(self.device, non_blocking=True)
        if self.precision == "float32":
            return net(x)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            return net(x).float()


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
