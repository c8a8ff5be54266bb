"""What counts must not depend on: batch, names, unused results, precision, order, object ids."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from support.zoo import NETWORKS
from support.zoo.case import Built, Draw, Net, judge
from support.zoo.functions import SavedTensors, SetupContext
from support.zoo.programs import program
from support.zoo.spelled import UNITS
from torch import Tensor, nn

from liafbench.bench.counting import METRICS, Counts, count

OPERATIONS = [name for name, unit in METRICS.items() if unit == "1/sample"]
STRUCTURE = [name for name, unit in METRICS.items() if name not in (*OPERATIONS, "spike_rate")]
TIME, BATCH = 4, 3
NO_BATCH = {
    "correlation_of_spikes_over_time",  # sums over samples
    "stops_when_something_fires",  # looks at all samples
    "functional_call_with_scaled_weights",  # scaled for every call, as the next two
    "input_makes_the_weights", "named_inputs", "spike_of_an_event_list",  # several inputs
    "data_parallel",
}  # fmt: skip


def built(name: str, seed: int = 4) -> Built:
    draw = Draw(seed)
    draw.time, draw.batch = TIME, BATCH
    torch.manual_seed(seed)
    return NETWORKS[name](draw)


def with_time(name: str) -> bool:
    """Whether there is one input, with samples along its second dimension."""
    inputs = built(name).inputs
    return name not in NO_BATCH and len(inputs) == 1 and inputs[0].shape[:2] == (TIME, BATCH)


def some(names: list[str]) -> list[Any]:
    """Every fifth in the main job, the others in the long one."""
    return [pytest.param(n, marks=pytest.mark.soak if i % 5 else ()) for i, n in enumerate(names)]


def values(counts: Counts, names: list[str]) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in names}


@pytest.mark.parametrize("name", some([n for n in NETWORKS if with_time(n)]))
def test_operations_add_up_over_samples_and_structure_does_not(name: str) -> None:
    case = built(name)
    x = case.inputs[0]
    whole = count(case.net, x, input_kind=case.input_kind)
    apart = [count(case.net, x[:, i : i + 1], input_kind=case.input_kind) for i in range(BATCH)]
    for metric in OPERATIONS:
        assert sum(getattr(c, metric) for c in apart) == getattr(whole, metric), metric
    for c in apart:
        assert values(c, STRUCTURE) == values(whole, STRUCTURE)


NAMES = (
    ("x", "v", "z", "out"), ("h", "h1", "h2", "h3"), ("input", "self_", "ctx", "output"),
    ("v", "x", "input", "grad"), ("_0", "_1", "_2", "_3"), ("tensor", "mem", "spk", "rec"),
)  # fmt: skip
SOURCE = """
def body(m, {x}):
    {v}, {out} = 0.0, []
    for frame in m.a({x}):
        {v} = 0.5 * {v} + frame
        {z} = {v} - 0.3
        {z} = m.fire({z})
        {unused}
        {v} = {v} - 0.3 * {z}
        {out}.append({z})
    return m.b(torch.stack({out}))
"""


def written(names: tuple[str, ...], unused: str = "pass") -> tuple[nn.Module, Tensor]:
    torch.manual_seed(1)
    x, v, z, out = names
    scope: dict[str, Any] = {"torch": torch}
    exec(SOURCE.format(x=x, v=v, z=z, out=out, unused=unused.format(v=v, z=z)), scope)
    net = Net(scope["body"], a=nn.Linear(4, 5), b=nn.Linear(5, 3), fire=Fire())
    return net, torch.randn(4, 2, 4)


class Fire(nn.Module):
    def forward(self, potential: Tensor) -> Tensor:
        return SavedTensors.apply(potential)


def test_names_of_variables_do_not_matter() -> None:
    first, *others = [count(*written(names)) for names in NAMES]
    for other in others:
        assert other == first


@pytest.mark.parametrize(
    ("unused", "each"),
    [("{v} * 1.5", 1), ("u = {v} * {z} + 1", 2), ("m.fire({v})", 1), ("{v}.view(-1)", 0)],
)
def test_results_that_nothing_uses_cost_what_they_compute(unused: str, each: int) -> None:
    plain, more = count(*written(NAMES[0])), count(*written(NAMES[0], unused))
    assert more.elementwise - plain.elementwise == each * 4 * 2 * 5
    assert (more.ac, more.mac_effective, more.mac_dense) == (
        plain.ac,
        plain.mac_effective,
        plain.mac_dense,
    )


@pytest.mark.parametrize("unit", UNITS)
def test_precision_does_not_matter(unit: str) -> None:
    def fire(v: Tensor) -> Tensor:
        return SetupContext.apply(v, 2.0)

    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(4, 5), UNITS[unit](fire, 5), nn.Linear(5, 3))
    # Sixteenths: no potential comes near a threshold in one precision and not in the other.
    with torch.no_grad():
        for p in net.parameters():
            p.copy_((16 * p).round() / 16)
    x = (8 * torch.randn(3, 2, 4)).round() / 8
    single = count(net, x)
    torch.set_default_dtype(torch.float64)
    try:
        double = count(net.double(), x.double())
    finally:
        torch.set_default_dtype(torch.float32)
    assert double == single


def test_order_of_independent_branches_does_not_matter() -> None:
    def body(order: tuple[int, ...]) -> Any:
        def forward(m: Any, x: Tensor) -> Tensor:
            parts = {i: (m.layers[i](x) > 0.1 * i).float() for i in order}
            return m.head(torch.cat([parts[i] for i in range(3)], -1))

        return forward

    def net(order: tuple[int, ...]) -> nn.Module:
        torch.manual_seed(0)
        layers = nn.ModuleList(nn.Linear(4, 3) for _ in range(3))
        return Net(body(order), layers=layers, head=nn.Linear(9, 2))

    x = torch.randn(5, 4)
    first, *others = [count(net(order), x) for order in itertools.permutations(range(3))]
    assert all(other == first for other in others)


@pytest.mark.parametrize("name", some(list(NETWORKS)))
def test_the_network_stays_as_it_was(name: str) -> None:
    case = built(name)
    net = case.net.train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    held = [(m, dict(vars(m)), len(m._forward_hooks)) for m in net.modules()]
    random = torch.random.get_rng_state()
    count(net, case.inputs, input_kind=case.input_kind)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert list(net.state_dict()) == list(before)
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key]), key
        assert not value.is_inference()
    for module, attributes, hooks in held:
        assert list(vars(module)) == list(attributes)
        assert all(vars(module)[k] is v for k, v in attributes.items())
        assert len(module._forward_hooks) == hooks
        assert module.training
    assert all(p.grad is None for p in net.parameters())
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("seed", range(16))
def test_deleted_and_recreated_tensors_never_mix(seed: int) -> None:
    assert judge(program, seed).why == ""


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(16, 400))
def test_deleted_and_recreated_tensors_never_mix_in_many(seed: int) -> None:
    assert judge(program, seed).why == ""


# Spikes written by a mask: shapes alone do not show the units that fire.
MASKED_UNITS = {"padded_by_hand"}
VALUES_STEER = {"stops_when_something_fires", "orthogonal"}


@pytest.mark.parametrize("name", some([n for n in NETWORKS if n not in VALUES_STEER]))
def test_shapes_alone_give_the_same_dense_counts(name: str) -> None:
    case = built(name)
    right = count(case.net, case.inputs, input_kind=case.input_kind)
    with torch.device("meta"):
        shapes = built(name)
        found = count(shapes.net, shapes.inputs, input_kind=case.input_kind)
    dense = ["mac_dense", "elementwise", "weights", "parameters"]
    dense += [] if name in MASKED_UNITS else ["neurons", "neuron_updates"]
    assert values(found, dense) == values(right, dense)
    assert (found.ac, found.mac_effective, found.ac_folded) == (None, None, None)
