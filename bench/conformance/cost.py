"""Can its operations be counted."""

from __future__ import annotations

from liafbench.baselines.errors import UsageError
from liafbench.bench.conformance.finding import Finding
from liafbench.bench.conformance.fixture import Fixture
from liafbench.bench.counting import count


def countable(fixture: Fixture) -> Finding:
    """Every operator has a count, and a sample costs the same in any batch."""
    name, net = "countable", fixture.net().eval()
    try:
        alone = count(net, fixture.x[:, :1])
        pair = count(net, fixture.x[:, :1].repeat_interleave(2, dim=1), samples=2)
    except UsageError as error:
        return Finding(name, "wrong", str(error))
    if alone.mac_dense != pair.mac_dense or alone.elementwise != pair.elementwise:
        text = (
            f"one sample costs {alone.mac_dense:,} MAC alone and {pair.mac_dense:,} in a pair: "
            "its work must grow with the batch and with nothing else"
        )
        return Finding(name, "wrong", text)
    return Finding(name, "ok", f"{alone.mac_dense:,} dense MAC, {alone.synapses:,} synapses")
