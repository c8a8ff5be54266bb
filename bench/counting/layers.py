"""What one module cost in one run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field

from torch import Tensor

from liafbench.bench.counting.known import ANALOG, Kind
from liafbench.bench.counting.pointwise import PER_ELEMENT
from liafbench.bench.counting.sparse import Sparse
from liafbench.bench.counting.tally import NOTHING, Tally


@dataclass
class Synapse:
    """One call of a synaptic operator, kept until it is known what it feeds."""

    module: str
    key: Hashable
    kind: Kind
    frames: int
    macs: int
    dot_additions: int
    fed: set[Kind] = field(default_factory=set)

    def feed(self, kind: Kind) -> None:
        """Its result reaches a unit with outputs of this kind."""
        self.fed.add(kind)

    @property
    def multiplication_free(self) -> bool:
        """In the convention of LIAF-Net's authors: a LIF layer, or spikes into no unit at all."""
        if self.fed:
            return self.fed == {"spikes"}
        return self.kind != ANALOG


@dataclass
class LayerRun:
    """Operations of one module in one run, without its children's."""

    tally: Tally = NOTHING
    ac: int = 0
    mac_effective: int = 0
    ac_folded: int = 0
    adds: int = 0
    muls: int = 0
    activation_words: int = 0
    state_words: int = 0
    active: int = 0
    outputs: int = 0
    spiking: bool = False
    kinds: set[str] = field(default_factory=set)

    def add_sparse(self, sparse: Sparse) -> None:
        """Counts of one call."""
        self.ac += sparse.accumulates()
        self.mac_effective += sparse.multiplies()
        self.ac_folded += sparse.folded
        if sparse.count:
            self.kinds.add(sparse.kind)

    def add_pointwise(self, name: str, cost: Tally) -> None:
        """One call of an operator that is no synapse."""
        self.tally += cost
        if name in PER_ELEMENT:
            self.adds += cost.additions
            self.muls += cost.multiplications

    def watch(self, output: Tensor, spikes: bool) -> None:
        """How much of a layer of units is active."""
        self.outputs += output.numel()
        if not output.is_meta:
            self.active += int((output != 0).sum().item())
        self.spiking = self.spiking or spikes


@dataclass
class Run:
    """What one run cost, by module path."""

    layers: dict[str, LayerRun] = field(default_factory=lambda: defaultdict(LayerRun))
    synapses: list[Synapse] = field(default_factory=list)
