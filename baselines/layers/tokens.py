"""Stories as token indices [T, B], padded on the left with 0."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from liafbench.baselines.stages import PADDING, Embed


def embedding(stage: Embed) -> nn.Embedding:
    """Vectors drawn from N(0, 1); that of padding is zero and stays zero."""
    weight = torch.randn(stage.vocabulary, stage.features)
    weight[PADDING] = 0
    return nn.Embedding.from_pretrained(weight, freeze=False, padding_idx=PADDING)


def lengths(tokens: Tensor) -> Tensor:
    """Number of tokens of every story that are not padding, at least 1; int64 [B]."""
    return tokens.ne(PADDING).sum(0).clamp(min=1)


def padding_last(tokens: Tensor, count: Tensor) -> Tensor:
    """[T, B] with every story of `count` tokens moved from the end of its column to the start."""
    steps = torch.arange(tokens.shape[0], device=tokens.device)[:, None]
    return tokens.gather(0, (steps - count) % tokens.shape[0])


class Reader(nn.Module):
    """A recurrent network of torch that reads stories [T, B]: its output at their last token.

    A story starts at the first step and its output is taken at its own end, so that it depends
    neither on its padding nor on the other samples in the batch. On a CPU this is several times
    faster than packed sequences, which torch computes without its fused layer.
    """

    def __init__(self, embedding: nn.Embedding, cell: nn.LSTM | nn.GRU) -> None:
        super().__init__()
        self.embedding = embedding
        self.cell = cell

    def forward(self, tokens: Tensor) -> Tensor:
        """[T, B] to [B, hidden]."""
        count = lengths(tokens)
        outputs, _ = self.cell(self.embedding(padding_last(tokens, count)))
        return outputs[count - 1, torch.arange(tokens.shape[1], device=tokens.device)]


class MeanEmbedding(nn.Module):
    """Tokens [T, B] to the mean embedding of every story, [B, features]: a bag of words."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.embedding = embedding

    def forward(self, tokens: Tensor) -> Tensor:
        """Padding embeds to zero and does not count as a word."""
        return self.embedding(tokens).sum(0) / lengths(tokens)[:, None]
