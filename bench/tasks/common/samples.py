"""Samples in memory in their smallest form, and the tensors made of some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from liafbench.baselines.stages import PADDING

if TYPE_CHECKING:
    import torch


class Samples(Protocol):
    """A numbered set of samples."""

    @property
    def lengths(self) -> np.ndarray | None:
        """Tokens per sample, or None where all samples have one length."""

    def __len__(self) -> int: ...

    def gather(self, rows: np.ndarray) -> torch.Tensor:
        """The input [T, B, ...] made of these rows."""

    def identity(self, row: int) -> str:
        """A name of the sample, the same on every machine."""

    def source(self, row: int) -> str:
        """What the sample was made from."""


class Images:
    """uint8 pixels [N, C, H, W]; an input is in [0, 1] and repeated over T without a copy."""

    lengths = None

    def __init__(self, pixels: np.ndarray, time_steps: int, name: str) -> None:
        self.pixels, self.time_steps, self.name = pixels, time_steps, name

    def __len__(self) -> int:
        return len(self.pixels)

    def gather(self, rows: np.ndarray) -> torch.Tensor:
        import torch

        images = torch.from_numpy(self.pixels[rows]).to(torch.float32).div_(255)
        return images.unsqueeze(0).expand(self.time_steps, *images.shape)

    def identity(self, row: int) -> str:
        return f"{self.name}/{row}"

    source = identity


class Frames:
    """Event frames [N, T, C, H, W] as whole numbers of `1/parts` events, possibly on disk."""

    lengths = None

    def __init__(
        self,
        frames: np.ndarray,
        names: Sequence[str],
        parts: int = 1,
        source: Callable[[str], str] = str,
    ) -> None:
        self.frames, self.names, self.parts, self._source = frames, names, parts, source

    def __len__(self) -> int:
        return len(self.frames)

    def gather(self, rows: np.ndarray) -> torch.Tensor:
        import torch

        stored = self.frames[rows].swapaxes(0, 1)
        x = np.empty(stored.shape, dtype=np.float32)
        np.multiply(stored, np.float32(1 / self.parts), out=x, casting="unsafe")
        return torch.from_numpy(x)

    def identity(self, row: int) -> str:
        return self.names[row]

    def source(self, row: int) -> str:
        return self._source(self.names[row])


class Tokens:
    """Token sequences of different lengths in one flat array; an input is padded on the left."""

    def __init__(self, sequences: Sequence[Sequence[int]], names: Sequence[str]) -> None:
        self.lengths = np.array([len(s) for s in sequences], dtype=np.int64)
        self.ends = np.cumsum(self.lengths)
        self.flat = np.fromiter(
            (token for s in sequences for token in s), np.int32, int(self.lengths.sum())
        )
        self.names = names

    def __len__(self) -> int:
        return len(self.lengths)

    def gather(self, rows: np.ndarray) -> torch.Tensor:
        import torch

        lengths = self.lengths[rows]
        longest = int(lengths.max(initial=0))
        padded = np.full((longest, len(rows)), PADDING, dtype=np.int64)
        for column, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            end = self.ends[row]
            padded[longest - length :, column] = self.flat[end - length : end]
        return torch.from_numpy(padded)

    def identity(self, row: int) -> str:
        return self.names[row]

    def source(self, row: int) -> str:
        """The story: a name ends in the number of the question, after its story's name."""
        return self.names[row].rpartition("/")[0]
