"""Options of a measurement, applied to every contender alike."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from liafbench.baselines.errors import UsageError

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Options:
    """Device, precision (bfloat16 by autocast, parameters stay float32), layout, compilation."""

    device: str = "cpu"
    precision: Precision = "float32"
    channels_last: bool = False
    compiled: bool = False

    @property
    def label(self) -> str:
        """For instance "bfloat16, channels last, compiled"."""
        flags = {"channels last": self.channels_last, "compiled": self.compiled}
        return ", ".join([self.precision, *(name for name, on in flags.items() if on)])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of the forward pass and the loss."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)

    def place_network(self, net: nn.Module) -> nn.Module:
        """The network on its device, in its layout, compiled if asked for."""
        net = net.to(self.device)
        if self.channels_last:
            for parameter in net.parameters():
                parameter.data = in_channels_last(parameter.data)
        return cast(nn.Module, torch.compile(net)) if self.compiled else net

    def place_input(self, x: Tensor) -> Tensor:
        """The input on its device; frames [T, B, C, H, W] in their layout.

        Raises UsageError for channels_last on tokens, which have no channels.
        """
        x = x.to(self.device)
        if not self.channels_last:
            return x
        if x.dim() != 5:
            raise UsageError("channels last needs frames; this task's input is tokens")
        frames = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return frames.unflatten(0, x.shape[:2])


def in_channels_last(weight: Tensor) -> Tensor:
    """A 4-d or 5-d weight with its channels innermost, anything else as it is."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if weight.dim() not in formats:
        return weight
    return weight.contiguous(memory_format=formats[weight.dim()])
