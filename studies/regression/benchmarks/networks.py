"""A small network of every baseline: inference, training step, memory."""

from __future__ import annotations

import torch

from .common import BASELINES, REPEAT, batch, network, training_step


class Network:
    """The `small` backbone on digits-dvs, batch 8."""

    version = "1"
    repeat = REPEAT
    params = BASELINES
    param_names = ("baseline",)

    def setup(self, baseline: str) -> None:
        self.net = network(baseline)
        # Learning rate 0: every step times the same network.
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.0)
        self.x, self.y = batch()

    def time_forward(self, baseline: str) -> None:
        with torch.inference_mode():
            self.net(self.x)

    def time_training_step(self, baseline: str) -> None:
        training_step(self.net, self.optimizer, self.x, self.y)

    def peakmem_training_step(self, baseline: str) -> None:
        training_step(self.net, self.optimizer, self.x, self.y)
