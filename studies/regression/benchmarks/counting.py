"""How long counting takes, and the counts themselves on a fixed input."""

from __future__ import annotations

import torch
from torch import nn

from liafbench.bench.counting import count

from .common import BASELINES, BATCH, REPEAT, batch, network


class Counting:
    """The time to count one batch."""

    version = "1"
    repeat = REPEAT
    params = ("liaf-net", "lstm", "conv-lstm")
    param_names = ("baseline",)

    def setup(self, baseline: str) -> None:
        self.net = network(baseline)
        self.x, _ = batch()

    def time_count(self, baseline: str) -> None:
        count(self.net, self.x, samples=BATCH)


class Counts:
    """Counts per sample; any difference between two commits is a change of a definition."""

    version = "1"
    params = BASELINES
    param_names = ("baseline",)

    def setup_cache(self) -> dict[str, dict[str, float]]:
        x, _ = batch()
        names = ("weights", "synapses", "mac_dense", "mac_effective", "ac", "ac_folded")
        found = {}
        for baseline in BASELINES:
            counts = count(lively(network(baseline)), x, samples=BATCH)
            found[baseline] = {name: float(getattr(counts, name)) for name in names}
        return found

    def track_weights(self, cached: dict[str, dict[str, float]], baseline: str) -> float:
        return cached[baseline]["weights"]

    def track_synapses(self, cached: dict[str, dict[str, float]], baseline: str) -> float:
        return cached[baseline]["synapses"]

    def track_mac_dense(self, cached: dict[str, dict[str, float]], baseline: str) -> float:
        return cached[baseline]["mac_dense"]

    def track_ac(self, cached: dict[str, dict[str, float]], baseline: str) -> float:
        return cached[baseline]["ac"]

    def track_ac_folded(self, cached: dict[str, dict[str, float]], baseline: str) -> float:
        return cached[baseline]["ac_folded"]

    def track_mac_effective(self, cached: dict[str, dict[str, float]], baseline: str) -> float:
        return cached[baseline]["mac_effective"]

    track_weights.unit = track_synapses.unit = "1"  # type: ignore[attr-defined]
    track_mac_dense.unit = track_mac_effective.unit = "1/sample"  # type: ignore[attr-defined]
    track_ac.unit = track_ac_folded.unit = "1/sample"  # type: ignore[attr-defined]


def lively(net: nn.Module) -> nn.Module:
    """The network with larger weights, so that spikes reach its last layer."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(4)
    return net
