"""Every spelling of a spike inside every neuron."""

from __future__ import annotations

from collections.abc import Iterator

from support.zoo import dynamics, units
from support.zoo.case import Built, Draw, Maker
from support.zoo.spikes import SPELLINGS, Spelling
from support.zoo.units import Unit
from torch import nn

UNITS: dict[str, type[Unit]] = {
    unit.__name__: unit
    for module in (units, dynamics)
    for unit in vars(module).values()
    if isinstance(unit, type) and issubclass(unit, Unit) and unit is not Unit
}


def maker(spelling: Spelling, unit: str) -> Maker:
    """Linear - neuron - Linear with the neuron's operations by hand, where they are known."""

    def build(d: Draw) -> Built:
        neuron = UNITS[unit](spelling.fire, d.hidden)
        net = nn.Sequential(nn.Linear(d.features, d.hidden), neuron, nn.Linear(d.hidden, d.classes))
        firing, n = spelling.cost, d.batch * d.hidden
        rest = type(neuron).cost(d.time, n)
        known = firing is not None and rest is not None
        also = {"elementwise": rest + firing * d.time * n} if known else {}
        return Built(net, (d.series(),), {"0": "analog", "2": spelling.kind}, also)

    return build


def pairs(everything: bool) -> Iterator[tuple[str, Maker]]:
    """All of them, or every spelling in one neuron and every neuron in a few spellings."""
    names = list(UNITS)
    for i, (name, spelling) in enumerate(SPELLINGS.items()):
        for unit in names if everything else (names[i % len(names)],):
            yield f"{name}-{unit}", maker(spelling, unit)
