import torch
from torch import nn


class Leaky(nn.Module):
    """One leaky trace of the frames, read out by two dense layers."""

    def __init__(self, backbone):
        super().__init__()
        pixels = backbone.channels * backbone.height * backbone.width
        self.decay = nn.Parameter(torch.tensor(0.8))
        self.hidden = nn.Linear(pixels, backbone.recurrent_units)
        self.classifier = nn.Linear(backbone.recurrent_units, backbone.classes)

    def forward(self, x):  # [T, B, C, H, W]
        trace = torch.zeros_like(x[0])
        for frame in x:
            trace = self.decay * trace + frame
        return self.classifier(self.hidden(trace.flatten(1)).relu())
