"""Stories as token indices [T, B], padded on the left with 0."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from baselines.vocabularies import PADDING


def lengths(tokens: Tensor) -> Tensor:
    """Number of tokens of every story that are not padding, at least 1; int64 [B]."""
    return tokens.ne(PADDING).sum(0).clamp(min=1)


class PackedEmbedding(nn.Module):
    """Tokens [T, B] to embedded stories without their padding."""

    def __init__(self, vocabulary: int, features: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, features, padding_idx=PADDING)

    def forward(self, tokens: Tensor) -> PackedSequence:
        """Every story moved to the start of its column, then packed."""
        count = lengths(tokens)
        steps = torch.arange(tokens.shape[0], device=tokens.device)[:, None]
        source = (steps + tokens.shape[0] - count) % tokens.shape[0]
        embedded = self.embedding(tokens.gather(0, source))
        return pack_padded_sequence(embedded, count.cpu(), enforce_sorted=False)


class MeanEmbedding(nn.Module):
    """Tokens [T, B] to the mean embedding of every story, [B, features]: a bag of words."""

    def __init__(self, vocabulary: int, features: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, features, padding_idx=PADDING)

    def forward(self, tokens: Tensor) -> Tensor:
        """Padding embeds to zero and does not count as a word."""
        return self.embedding(tokens).sum(0) / lengths(tokens)[:, None]
