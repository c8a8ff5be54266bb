"""How a network is run: device, precision, memory format, compilation; the same for all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from liafbench.baselines.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Execution:
    """Device, precision (bfloat16 by autocast, parameters stay float32), layout, compilation.

    Training, evaluation and timing of a cell go through one of these, so that what is timed is
    what was trained.
    """

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

    def place_network(self, net: nn.Module) -> nn.Module:
        """The network on its device, 4-d weights in the memory format, compiled if asked for."""
        import torch

        net = net.to(self.device)
        if self.channels_last:
            for parameter in net.parameters():
                if parameter.dim() == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return torch.compile(net) if self.compiled else net  # type: ignore[return-value]

    def place_input(self, x: Tensor) -> Tensor:
        """The input on its device; frames [T, B, C, H, W] in their memory format.

        Raises UsageError for channels_last on tokens, which have no channels.
        """
        import torch

        x = x.to(self.device, non_blocking=True)
        if not self.channels_last:
            return x
        if x.dim() != 5:
            raise UsageError("channels last needs frames; this task's input is tokens")
        frames = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return frames.unflatten(0, x.shape[:2])

    def __call__(self, net: nn.Module, placed: Tensor) -> Tensor:
        """The network on a placed input; its output in float32."""
        if self.precision == "float32":
            return net(placed)
        import torch

        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
            return net(placed).float()
