"""What is timed of a network: an inference call, a training step, and the parts of a step."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liafbench.bench.execution import Execution

Builder = Callable[[], nn.Module]
Loss = Callable[[Tensor, Tensor], Tensor]
MakeOptimizer = Callable[[nn.Module], torch.optim.Optimizer]


def adam(net: nn.Module) -> torch.optim.Optimizer:
    """Adam with learning rate 0: a step costs the same, and step 1000 times the same network."""
    return torch.optim.Adam(net.parameters(), lr=0.0)


class Inference:
    """One forward pass of a batch in evaluation mode, without gradients."""

    def __init__(self, net: nn.Module, x: Tensor, execution: Execution) -> None:
        self.net = execution.place_network(net).eval()
        self.x = execution.place_input(x)
        self.execution = execution

    def __call__(self) -> Tensor:
        with torch.inference_mode():
            return self.execution(self.net, self.x)


class TrainingStep:
    """Forward with loss, backward, optimizer: together as a call, or one after the other."""

    def __init__(
        self,
        net: nn.Module,
        x: Tensor,
        y: Tensor,
        execution: Execution,
        loss: Loss = F.cross_entropy,
        make_optimizer: MakeOptimizer = adam,
    ) -> None:
        self.net = execution.place_network(net).train()
        self.x = execution.place_input(x)
        self.y = y.to(execution.device)
        self.execution = execution
        self.loss_of = loss
        self.optimizer = make_optimizer(self.net)
        self.loss: Tensor | None = None

    def __call__(self) -> None:
        self.forward()
        self.backward()
        self.update()

    def forward(self) -> None:
        self.loss = self.loss_of(self.execution(self.net, self.x), self.y)

    def backward(self) -> None:
        if self.loss is None:
            raise RuntimeError("backward() comes after forward()")
        self.loss.backward()
        self.loss = None

    def update(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
