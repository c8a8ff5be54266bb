"""The same network in other words: transforms, wrappers, hooks, casts."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from support.zoo.case import Built, Draw, Net, network
from support.zoo.functions import ClassWithSpike, ForVmap, SavedTensors, TwoResults
from support.zoo.products import spelled
from support.zoo.units import HardReset
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def two_layers(d: Draw, wrap: Callable[[nn.Module], nn.Module], **more: Any) -> Built:
    """A plain network and the same one wrapped; products are recorded on the plain one."""

    def body(m: Any, x: Tensor) -> Tensor:
        return m.b(m.neuron(m.a(x)))

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), neuron=HardReset(SavedTensors.apply, d.hidden),
        b=nn.Linear(d.hidden, d.classes),
    )  # fmt: skip
    truth = {"a": "analog", "b": "spikes"}
    return Built(wrap(copy.deepcopy(net)), (d.series(),), truth, plain=net, **more)


def wrapped(body: Callable[..., Any]) -> Callable[[nn.Module], nn.Module]:
    return lambda net: Net(body, net=net)


@network
def compiled(d: Draw) -> Built:
    return two_layers(d, torch.compile)


@network
def compiled_below(d: Draw) -> Built:
    def wrap(net: Any) -> nn.Module:
        net.a = torch.compile(net.a)
        return net

    return two_layers(d, wrap)


@network
def functional_call(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        return torch.func.functional_call(m.net, dict(m.net.named_parameters()), (x,))

    return two_layers(d, wrapped(body))


@network
def functional_call_with_scaled_weights(d: Draw) -> Built:
    """Doubled before the call: other weights, as many connections."""

    def body(m: Any, x: Tensor) -> Tensor:
        scaled = {name: 2 * p for name, p in m.net.named_parameters()}
        return torch.func.functional_call(m.net, scaled, (x,))

    built = two_layers(d, wrapped(body))
    with torch.no_grad():
        for p in built.plain.parameters():
            p.mul_(2)
    return built


@network
def checkpointed(d: Draw) -> Built:
    return two_layers(d, wrapped(lambda m, x: checkpoint(m.net, x, use_reentrant=False)))


@network
def checkpointed_reentrant(d: Draw) -> Built:
    return two_layers(d, wrapped(lambda m, x: checkpoint(m.net, x, use_reentrant=True)))


@network
def data_parallel(d: Draw) -> Built:
    return two_layers(d, nn.DataParallel)


@network
def without_gradients(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            return m.net(x)

    return two_layers(d, wrapped(body))


@network
def with_gradients_forced(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        with torch.enable_grad():
            return m.net(x)

    return two_layers(d, wrapped(body))


@network
def samples_by_vmap(d: Draw) -> Built:
    """Every sample alone, all of them at once."""

    def body(m: Any, x: Tensor) -> Tensor:
        return torch.func.vmap(lambda y: m.net(y.unsqueeze(1)).squeeze(1), 1, 1)(x)

    def fire_by_comparison(net: Any) -> nn.Module:
        net.neuron = HardReset(ForVmap.apply, 0)
        return Net(body, net=net)

    return two_layers(d, fire_by_comparison)


@network
def neuron_as_a_hook(d: Draw) -> Built:
    """A forward hook turns the currents of a layer into spikes."""

    def wrap(net: Any) -> nn.Module:
        net.a.register_forward_hook(lambda _, __, out: HardReset(SavedTensors.apply, 0)(out))
        net.neuron = nn.Identity()
        return net

    return two_layers(d, wrap)


@network
def input_scaled_by_a_pre_hook(d: Draw) -> Built:
    def wrap(net: Any) -> nn.Module:
        net.a.register_forward_pre_hook(lambda _, args: (args[0] * 1.5,))
        return net

    built = two_layers(d, wrap)
    with torch.no_grad():
        built.plain.a.weight.mul_(1.5)
    return built


@network
def parameters_in_lists_and_dicts(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        z = m.neuron(F.linear(x, m.first["w"], m.first["b"]))
        return F.linear(z, m.second[0]) + m.second[1]

    net = Net(
        body, neuron=HardReset(SavedTensors.apply, d.hidden),
        first=nn.ParameterDict({"w": torch.randn(d.hidden, d.features), "b": torch.zeros(1)}),
        second=nn.ParameterList([torch.randn(d.classes, d.hidden), torch.zeros(d.classes)]),
    )  # fmt: skip
    return Built(net, (d.series(),), {"first.w": "analog", "second.0": "spikes"})


@network
def spikes_and_potential_of_one_function(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        v, out = torch.zeros(x.shape[1], m.a.out_features), []
        for frame in x:
            z, v = TwoResults.apply(v + m.a(frame))
            out.append(z)
        return m.b(torch.stack(out))

    net = Net(body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes))
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def named_inputs(d: Draw) -> Built:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(d.features, d.hidden), nn.Linear(d.hidden, d.classes)

        def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
            spikes = ClassWithSpike.spike(self.a(batch["x"])) * batch["mask"]
            return {"logits": self.b(spikes), "spikes": spikes}

    x, mask = d.series(), (torch.rand(d.hidden) < 0.7).float()
    kinds = ("analog", "spikes")
    return Built(Named(), ({"x": x, "mask": mask},), {"a": "analog", "b": "spikes"},
                 input_kind=kinds)  # fmt: skip


# Precision ----------------------------------------------------------------------------------


@network
def half_in_the_middle(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        z = m.neuron(m.a(x)).to(torch.bfloat16)
        return m.b(z).float()

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), neuron=HardReset(SavedTensors.apply, d.hidden),
        b=nn.Linear(d.hidden, d.classes).bfloat16(),
    )  # fmt: skip
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def autocast(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return m.b(m.neuron(m.a(x)))

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), neuron=HardReset(SavedTensors.apply, d.hidden),
        b=nn.Linear(d.hidden, d.classes),
    )  # fmt: skip
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def double_precision(d: Draw) -> Built:
    built = spelled(d, torch.inner, lambda v: v.gt(0).to(v.dtype))
    return Built(built.net.double(), (built.inputs[0].double(),), built.truth)


@network
def spikes_kept_as_bools(d: Draw) -> Built:
    """Stored as bytes between the layers, cast where they are used."""

    def body(m: Any, x: Tensor) -> Tensor:
        stored = torch.zeros(*x.shape[:2], m.a.out_features, dtype=torch.bool)
        for t, frame in enumerate(x):
            stored[t] = m.a(frame) > 0.2
        return m.b(stored.to(m.b.weight.dtype))

    net = Net(body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes))
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def spikes_by_generators(d: Draw) -> Built:
    """Steps as a generator, gathered by accumulate."""

    def body(m: Any, x: Tensor) -> Tensor:
        def step(v: Tensor, current: Tensor) -> Tensor:
            return torch.where(v > 1.0, torch.zeros_like(v), v) * 0.9 + current

        potentials = itertools.accumulate(m.a(x), step)
        return m.b(torch.stack([(v > 1.0).float() for v in potentials]))

    net = Net(body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes))
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})
