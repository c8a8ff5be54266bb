"""The structure of a network: distinct weights, synapses, embeddings, neurons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Structure:
    """Fills up while a network runs; what has been seen before adds nothing.

    Each table is a count by module path.
    """

    def __init__(self, net: nn.Module) -> None:
        self.weights: dict[str, int] = defaultdict(int)
        self.synapses: dict[str, int] = defaultdict(int)
        self.embedding: dict[str, int] = defaultdict(int)
        self.neurons: dict[str, int] = defaultdict(int)
        self._used: dict[Hashable, Tensor] = {}
        self._seen: set[Hashable] = set()
        self._leaves = {_storage(p) for p in (*net.parameters(), *net.buffers())}

    def add_weight(self, module: str, weight: Tensor, number: Hashable) -> None:
        """Elements of a weight that no call has used before."""
        self.weights[module] += self._fresh_elements(weight, number)

    def add_embedding(self, module: str, table: Tensor, number: Hashable) -> None:
        """Elements of an embedding table, likewise."""
        self.embedding[module] += self._fresh_elements(table, number)

    def add_synapses(self, module: str, key: Hashable, count: int) -> None:
        """Connections; `key`: the weight and the geometry it is used with."""
        if self._first(("synapses", key)):
            self.synapses[module] += count

    def add_neurons(self, module: str, key: Hashable, count: int) -> None:
        """Units of a layer."""
        if self._first(("neurons", key)):
            self.neurons[module] += count

    def _first(self, key: Hashable) -> bool:
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _fresh_elements(self, weight: Tensor, number: Hashable) -> int:
        storage = _storage(weight)
        if storage not in self._leaves:  # derived anew in every call: by its derivation
            return weight.numel() if self._first(("weight", number)) else 0
        if storage not in self._used:
            size = weight.untyped_storage().nbytes() // weight.element_size()
            self._used[storage] = torch.zeros(size, dtype=torch.bool)
        used = self._used[storage]
        view = torch.as_strided(used, weight.shape, weight.stride(), weight.storage_offset())
        before = int(used.sum())
        view.fill_(True)
        return int(used.sum()) - before


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def parameters_by_module(net: nn.Module) -> dict[str, int]:
    """Trainable scalars by the module that owns them; a shared one counts where it is first."""
    counts: dict[str, int] = defaultdict(int)
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            counts[name.rpartition(".")[0]] += parameter.numel()
    return counts


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values without repetition, in order."""
    return list(dict.fromkeys(values))
