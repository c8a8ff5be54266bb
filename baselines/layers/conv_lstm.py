"""Convolutional LSTM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from liafbench.baselines.layers.folded import Folded
from liafbench.baselines.stages import Conv


class ConvLSTM(nn.Module):
    """ConvLSTM (Shi et al. 2015) without peepholes: [T, B, C, H, W] to hidden states of all steps.

    i, f, o = sigmoid, g = tanh of W_x * X[t] + W_h * H[t-1]; c[t] = f c[t-1] + i g;
    H[t] = o tanh(c[t]); H and c start at 0. W_h keeps the size of the frame; W_x carries the
    stage's stride. A stage with BatchNorm has it on W_x * X, the synapse's output, and no bias.
    """

    def __init__(self, in_channels: int, stage: Conv) -> None:
        super().__init__()
        gates, kernel, padding = 4 * stage.channels, stage.kernel, stage.kernel // 2
        synapse: list[nn.Module] = [
            nn.Conv2d(in_channels, gates, kernel, stage.stride, padding, bias=not stage.norm)
        ]
        if stage.norm:
            synapse.append(nn.BatchNorm2d(gates))
        self.channels = stage.channels
        self.input = Folded(*synapse)
        self.recurrent = nn.Conv2d(stage.channels, gates, kernel, padding=padding, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[T, B, C, H, W] to [T, B, channels, H', W']."""
        inputs = self.input(x)
        hidden = inputs.new_zeros(inputs.shape[1], self.channels, *inputs.shape[3:])
        cell = hidden
        outputs = []
        for step in inputs.unbind(0):
            gates = step + self.recurrent(hidden)
            squashed, candidate = gates.split((3 * self.channels, self.channels), 1)
            i, f, o = squashed.sigmoid().chunk(3, 1)
            cell = f * cell + i * candidate.tanh()
            hidden = o * cell.tanh()
            outputs.append(hidden)
        return torch.stack(outputs)
