"""A backbone replaced by one recurrent network of torch over its flattened frames or tokens."""

from __future__ import annotations

from torch import Tensor, nn

from baselines.backbones import Backbone
from baselines.layers.readout import LastOutput
from baselines.layers.tokens import Reader, embedding
from baselines.stages import Dense, Embed

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


def fill(backbone: Backbone, cell: type[nn.LSTM] | type[nn.GRU], name: str) -> dict[str, nn.Module]:
    """Frames or tokens to `cell` (one layer; on tokens one per dense stage) to a classifier."""
    units = backbone.recurrent_units
    classifier = nn.Linear(units, backbone.classes)
    if backbone.tokens:
        embed = next(stage for stage in backbone.stages if isinstance(stage, Embed))
        depth = sum(isinstance(stage, Dense) for stage in backbone.stages) - 1
        reader = Reader(embedding(embed), cell(embed.features, units, num_layers=depth))
        return {"reader": reader, "classifier": classifier}
    frames = FlatFrames(backbone.channels, backbone.height, backbone.width)
    layer = cell(frames.features, units)
    return {"frames": frames, name: layer, "last_step": LastOutput(), "classifier": classifier}
