"""What a call of a network costs, and what the network holds, in all and layer by layer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from liafbench.bench.counting.operators import NOTHING, OpCount
from liafbench.bench.counting.sparse import Sparse
from liafbench.bench.counting.tensor_info import ANALOG, SPIKES, Kind

STRUCTURE = ("weights", "parameters", "synapses", "neurons", "embedding", "weight_macs")
SPARSE = ("mac_effective", "ac", "ac_folded")
"""Counts that need values and not only shapes."""

Number = int | float


@dataclass
class LayerCounts:
    """Operations of one module in one run, without its children's.

    To add a count, add a field (or a property) and its name to OPERATIONS.
    """

    ops: OpCount = NOTHING
    mac_effective: int = 0
    ac: int = 0
    ac_folded: int = 0
    adds: int = 0
    muls: int = 0
    activation_words: int = 0
    state_words: int = 0
    active: int = 0
    outputs: int = 0
    spiking: bool = False

    def add_sparse(self, part: Sparse) -> None:
        """What one call of a synapse sends."""
        self.ac += part.accumulates()
        self.mac_effective += part.multiplies()
        self.ac_folded += part.folded

    @property
    def mac_dense(self) -> int:
        """Multiply-accumulates."""
        return self.ops.macs

    @property
    def elementwise(self) -> int:
        """Every other operation."""
        return self.ops.elementwise

    @property
    def flops(self) -> int:
        """Both, a MAC as two."""
        return 2 * self.ops.macs + self.ops.elementwise

    @property
    def neuron_updates(self) -> int:
        """Steps of neurons."""
        return self.ops.updates

    def watch(self, output: Tensor, spikes: bool) -> None:
        """How much of a layer of units is active."""
        self.outputs += output.numel()
        if not output.is_meta:
            self.active += int((output != 0).sum().item())
        self.spiking = self.spiking or spikes


OPERATIONS = (
    "mac_dense", "mac_effective", "ac", "ac_folded", "elementwise", "flops", "neuron_updates",
    "adds", "muls", "activation_words", "state_words",
)  # fmt: skip
METRICS: dict[str, str] = {
    **dict.fromkeys(STRUCTURE, "1"),
    **dict.fromkeys(OPERATIONS, "1/sample"),
    "spike_rate": "1",
}
"""Every metric and its unit."""


@dataclass
class SynapseCall:
    """One call of a synaptic operator, kept until it is known what it feeds."""

    module: str
    key: Hashable
    kind: Kind
    frames: int
    macs: int
    dot_additions: int
    frame: int = 0
    """Outputs for one frame."""
    fed: set[Kind] = field(default_factory=set)

    @property
    def multiplication_free(self) -> bool:
        """In the convention of LIAF-Net's authors: a LIF layer, or spikes into no unit at all."""
        return self.fed == {SPIKES} if self.fed else self.kind != ANALOG


@dataclass
class Run:
    """What one run cost, by module path."""

    layers: dict[str, LayerCounts] = field(default_factory=lambda: defaultdict(LayerCounts))
    synapses: list[SynapseCall] = field(default_factory=list)

    def rows(self) -> dict[str, dict[str, int]]:
        """Operations and activity by module path."""
        names = (*OPERATIONS, "active", "outputs", "spiking")
        return {
            path: {name: int(getattr(layer, name)) for name in names}
            for path, layer in self.layers.items()
        }


class Structure:
    """Weights, synapses, embeddings and neurons by module path.

    Fills up while a network runs; what has been seen before adds nothing.
    """

    def __init__(self, net: nn.Module) -> None:
        self.weights: dict[str, int] = defaultdict(int)
        self.synapses: dict[str, int] = defaultdict(int)
        self.embedding: dict[str, int] = defaultdict(int)
        self.neurons: dict[str, int] = defaultdict(int)
        self.parameters: dict[str, int] = defaultdict(int)
        self.weight_macs: dict[str, int] = defaultdict(int)
        self._used: dict[tuple[str, Hashable], Tensor] = {}
        self._whole: set[tuple[str, Hashable]] = set()
        self._seen: set[Hashable] = set()
        self._leaves = {_storage(p) for p in (*net.parameters(), *net.buffers())}
        for name, parameter in net.named_parameters():  # a shared one counts where it is first
            if parameter.requires_grad:
                self.parameters[name.rpartition(".")[0]] += parameter.numel()

    def add_weight(self, module: str, weight: Tensor, weight_id: Hashable) -> None:
        """Elements of a weight that no call has used before."""
        self.weights[module] += self._fresh_elements("weight", weight, weight_id)

    def add_embedding(self, module: str, table: Tensor, weight_id: Hashable) -> None:
        """Elements of an embedding table, likewise; one that is also a weight is in both."""
        self.embedding[module] += self._fresh_elements("table", table, weight_id)

    def add_synapses(self, module: str, key: Hashable, count: int) -> None:
        """Connections; `key`: the weight and the geometry it is used with."""
        if self._first(("synapses", key)):
            self.synapses[module] += count

    def add_weight_macs(self, module: str, weight_id: Hashable, macs: int) -> None:
        """A product of weights alone, which is computed once."""
        if self._first(("product", weight_id)):
            self.weight_macs[module] += macs

    def add_neurons(self, module: str, key: Hashable, count: int) -> None:
        """Units of a layer."""
        if self._first(("neurons", key)):
            self.neurons[module] += count

    def _first(self, key: Hashable) -> bool:
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _fresh_elements(self, use: str, weight: Tensor, weight_id: Hashable) -> int:
        storage = _storage(weight)
        if storage not in self._leaves:  # derived again in every call: by its derivation
            return weight.numel() if self._first((use, weight_id)) else 0
        size = weight.untyped_storage().nbytes() // weight.element_size()
        if (use, storage) in self._whole:
            return 0
        if (use, storage) not in self._used:
            if weight.numel() == size and weight.is_contiguous():
                self._whole.add((use, storage))
                return size
            self._used[use, storage] = torch.zeros(size, dtype=torch.bool)
        used = self._used[use, storage]
        view = torch.as_strided(used, weight.shape, weight.stride(), weight.storage_offset())
        before = int(used.sum())
        view.fill_(True)
        return int(used.sum()) - before


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


@dataclass(frozen=True)
class Counts:
    """Operations per sample, and structure; see docs/counting.md for every definition.

    Every name of METRICS is an attribute. The sparse ones are None where there were no values to
    count (meta tensors). `by_layer` has one row for every module path; its columns sum to the
    totals. `samples` is their number and `each` what every one of them cost, in their order, where
    they were counted one by one. `findings`: where the second, independent count differs.
    """

    totals: Mapping[str, Any]
    samples: int
    by_layer: pd.DataFrame = field(repr=False, compare=False)
    each: tuple[Mapping[str, float], ...] = field(default=(), repr=False, compare=False)
    findings: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name in METRICS:
            return self.totals[name]
        raise AttributeError(f"counts have no {name!r}; known: {', '.join(METRICS)}")

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation over samples of every operation count; one sample has none."""
        if len(self.each) < 2:
            return {}
        return {name: deviation([e[name] for e in self.each]) for name in OPERATIONS}

    def to_dict(self) -> dict[str, Any]:
        """Totals, findings, and a list of layers, as plain numbers and texts."""
        totals = {name: self.totals[name] for name in METRICS} | {"samples": self.samples}
        rows = self.by_layer.astype(object).where(self.by_layer.notna(), None)
        layers = rows.reset_index().to_dict("records")
        found = list(self.findings)
        return {**totals, "spread": self.spread, "findings": found, "by_layer": layers}


def counts_of(
    structure: Structure,
    operations: Mapping[str, Mapping[str, int]],
    paths: Sequence[str],
    samples: int,
    sparse: bool,
    each: tuple[Mapping[str, float], ...] = (),
    findings: tuple[str, ...] = (),
) -> Counts:
    """Totals and layers, in the order of `paths`, of operations summed over `samples` samples."""
    rows: dict[str, dict[str, Any]] = {}
    spiked = units = 0.0
    for path in paths:
        row: dict[str, Any] = {name: getattr(structure, name).get(path, 0) for name in STRUCTURE}
        own = operations.get(path, {})
        for name in OPERATIONS:
            missing = name in SPARSE and not sparse
            row[name] = None if missing else exact(own.get(name, 0), samples)
        outputs, spiking = own.get("outputs", 0), bool(own.get("spiking", 0))
        if not (any(row.values()) or outputs or spiking):
            continue
        activity = own["active"] / outputs if sparse and outputs else math.nan
        row |= {"activity": activity, "spike_rate": activity if spiking else math.nan}
        rows[path] = row
        if not math.isnan(row["spike_rate"]):
            spiked, units = spiked + activity * outputs, units + outputs
    columns = (*STRUCTURE, *OPERATIONS, "activity", "spike_rate")
    by_column = {name: [row[name] for row in rows.values()] for name in columns}
    index = pd.Index(list(rows), name="layer")
    totals: dict[str, Any] = {
        name: None if name in SPARSE and not sparse else sum(by_column[name])
        for name in (*STRUCTURE, *OPERATIONS)
    }
    totals["spike_rate"] = spiked / units if units else None
    return Counts(totals, samples, pd.DataFrame(by_column, index), each, findings)


def exact(total: float, samples: int) -> Number:
    """A mean that stays an integer where it is one."""
    return int(total) // samples if total % samples == 0 else total / samples


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation, the same for every order of the values; 0 for one value."""
    n = len(values)
    if n < 2:
        return 0.0
    mean = math.fsum(values) / n
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
