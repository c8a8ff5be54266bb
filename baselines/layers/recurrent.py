"""A backbone replaced by one recurrent network of torch over its flattened frames or tokens."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from liafbench.baselines.backbones import Backbone
from liafbench.baselines.layers.readout import LastOutput
from liafbench.baselines.layers.tokens import Reader, embedding
from liafbench.baselines.stages import Dense, Embed

LARGEST_FRAME = 32


class FlatFrames(nn.Module):
    """[T, B, C, H, W] averaged to at most 32 x 32 and flattened, [T, B, features]."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.size = (min(height, LARGEST_FRAME), min(width, LARGEST_FRAME))
        self.pools = (height, width) != self.size
        self.features = channels * self.size[0] * self.size[1]

    def forward(self, x: Tensor) -> Tensor:
        """One vector per step."""
        if self.pools:
            frames = nn.functional.adaptive_avg_pool2d(x.flatten(0, 1), self.size)
            x = frames.unflatten(0, x.shape[:2])
        return x.flatten(2)


def remember(cell: nn.LSTM | nn.GRU, steps: int) -> None:
    """Chrono initialisation (Tallec and Ollivier 2018): memories of 2 to `steps` steps.

    The bias of the gate that keeps the state (forget gate of LSTM, update gate of GRU) is log u, u
    uniform in [1, steps - 1]; that of LSTM's input gate is its negative. With torch's own biases
    half the state is lost at each step, and with it the gradient of all but the last few words.
    """
    units = cell.hidden_size
    for layer in range(cell.num_layers):
        into, back = getattr(cell, f"bias_ih_l{layer}"), getattr(cell, f"bias_hh_l{layer}")
        with torch.no_grad():
            kept = torch.empty_like(into[:units]).uniform_(1, max(steps - 1, 1)).log()
            # In torch the second gate is the one that keeps, of LSTM and GRU alike.
            into[units : 2 * units] = kept
            back[units : 2 * units] = 0
            if isinstance(cell, nn.LSTM):
                into[:units] = -kept
                back[:units] = 0


def recurrent_network(backbone: Backbone, name: Literal["lstm", "gru"]) -> dict[str, nn.Module]:
    """Frames or tokens to a recurrent layer (on tokens one per dense stage) to a classifier."""
    units, cell = backbone.recurrent_units, {"lstm": nn.LSTM, "gru": nn.GRU}[name]
    classifier = nn.Linear(units, backbone.classes)
    if backbone.tokens:
        embed = next(stage for stage in backbone.stages if isinstance(stage, Embed))
        depth = sum(isinstance(stage, Dense) for stage in backbone.stages) - 1
        reader = Reader(embedding(embed), cell(embed.features, units, num_layers=depth))
        remember(reader.cell, backbone.time_steps)
        return {"reader": reader, "classifier": classifier}
    frames = FlatFrames(backbone.channels, backbone.height, backbone.width)
    layer = cell(frames.features, units)
    return {"frames": frames, name: layer, "last_step": LastOutput(), "classifier": classifier}
