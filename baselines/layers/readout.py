"""From what the last layer puts out over time to class scores. Averages are float32 or wider: in
bfloat16 two classes a few spikes apart would tie.
"""

from __future__ import annotations

from torch import Tensor, nn

from liafbench.baselines.neurons.step import state_dtype


class MeanOverTime(nn.Module):
    """[T, B, ...] to its mean over the steps, [B, ...]."""

    def forward(self, x: Tensor) -> Tensor:
        """Average over the first dimension."""
        return x.mean(0, dtype=state_dtype(x.dtype))


class LastStep(nn.Module):
    """[T, B, ...] to the last step, [B, ...]."""

    def forward(self, x: Tensor) -> Tensor:
        """The last of the first dimension."""
        return x[-1]


class LastOutput(nn.Module):
    """What nn.LSTM or nn.GRU returns, to the hidden state of its last layer at the last step."""

    def forward(self, returned: tuple) -> Tensor:
        """(outputs [T, B, hidden], state) to [B, hidden]."""
        return returned[0][-1]


class Vote(nn.Module):
    """[..., classes * size] to the average of `size` neighbours per class, [..., classes]."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Average over groups of the last dimension."""
        return x.unflatten(-1, (-1, self.size)).mean(-1, dtype=state_dtype(x.dtype))

    def extra_repr(self) -> str:
        """The group size."""
        return f"size={self.size}"
