"""Spiking networks whose weights are made of other weights, shared, pruned or normalised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from support.zoo.case import Built, Draw, Net, network
from support.zoo.functions import SavedTensors
from support.zoo.units import HardReset
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune


def hidden_layer(d: Draw, layer: nn.Module, truth: dict[str, Any]) -> Built:
    """Spikes of a first layer into `layer`."""

    def body(m: Any, x: Tensor) -> Tensor:
        return m.layer(m.neuron(m.a(x)))

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), layer=layer,
        neuron=HardReset(SavedTensors.apply, d.hidden),
    )  # fmt: skip
    return Built(net, (d.series(),), {"a": "analog"} | truth)


class Derived(nn.Module):
    """A linear layer with a weight that a function makes of parameters."""

    def __init__(self, make: Callable[..., Tensor], *shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.make = make
        self.p = nn.ParameterList([nn.Parameter(torch.randn(*s)) for s in shapes])

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.make(*self.p))


WEIGHT = {"other": "spikes weight"}


@network
def low_rank(d: Draw) -> Built:
    """Only the last product meets spikes; what precedes it is made of weights."""
    layer = Derived(lambda u, v: u @ v, (d.classes, 2), (2, d.hidden))
    return hidden_layer(d, layer, {"layer.p.1": "weight", "other": "spikes weight"})


@network
def low_rank_update(d: Draw) -> Built:
    layer = Derived(
        lambda w, a, b: w + 0.5 * b @ a, (d.classes, d.hidden), (2, d.hidden), (d.classes, 2)
    )
    return hidden_layer(d, layer, {"layer.p.1": "weight", "other": "spikes weight"})


@network
def low_rank_update_of_activity(d: Draw) -> Built:
    """LoRA as usual: the small products meet activity."""

    def body(m: Any, x: Tensor) -> Tensor:
        z = m.neuron(m.a(x))
        return m.b(z) + m.up(m.down(z)) * 0.5

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), neuron=HardReset(SavedTensors.apply, d.hidden),
        b=nn.Linear(d.hidden, d.classes), down=nn.Linear(d.hidden, 2, bias=False),
        up=nn.Linear(2, d.classes, bias=False),
    )  # fmt: skip
    truth = {"a": "analog", "b": "spikes", "down": "spikes", "up": "analog"}
    return Built(net, (d.series(),), truth)


@network
def weight_norm(d: Draw) -> Built:
    return hidden_layer(d, parametrizations.weight_norm(nn.Linear(d.hidden, d.classes)), WEIGHT)


@network
def spectral_norm(d: Draw) -> Built:
    layer = parametrizations.spectral_norm(nn.Linear(d.hidden, d.classes))
    return hidden_layer(d, layer, WEIGHT | {"*": "weight"})


@network
def spectral_norm_by_a_hook(d: Draw) -> Built:
    layer = nn.utils.spectral_norm(nn.Linear(d.hidden, d.classes))
    return hidden_layer(d, layer, WEIGHT | {"*": "weight"})


@network
def orthogonal(d: Draw) -> Built:
    layer = parametrizations.orthogonal(nn.Linear(d.hidden, d.hidden), orthogonal_map="cayley")
    return hidden_layer(d, layer, WEIGHT | {"*": "weight"})


@network
def symmetric_by_parametrization(d: Draw) -> Built:
    class Symmetric(nn.Module):
        def forward(self, w: Tensor) -> Tensor:
            return w.triu() + w.triu(1).mT

    layer = nn.Linear(d.hidden, d.hidden)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return hidden_layer(d, layer, WEIGHT)


@network
def excitatory_and_inhibitory(d: Draw) -> Built:
    """Dale's law: positive weights times a sign for each neuron; clamped ones are zero."""
    layer = Derived(lambda w, s: w.clamp(min=0) * s.sign(), (d.classes, d.hidden), (d.hidden,))
    return hidden_layer(d, layer, WEIGHT)


@network
def binary_weights(d: Draw) -> Built:
    return hidden_layer(d, Derived(torch.sign, (d.classes, d.hidden)), WEIGHT)


@network
def ternary_weights(d: Draw) -> Built:
    layer = Derived(lambda w: torch.sign(w) * (w.abs() > 0.7).float(), (d.classes, d.hidden))
    return hidden_layer(d, layer, WEIGHT)


@network
def quantised_weights(d: Draw) -> Built:
    def quantise(w: Tensor) -> Tensor:
        scale = w.abs().max() / 3
        return torch.round(w / scale).clamp(-3, 3) * scale

    return hidden_layer(d, Derived(quantise, (d.classes, d.hidden)), WEIGHT)


@network
def standardised_kernels(d: Draw) -> Built:
    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            w = self.weight
            w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.std((1, 2, 3), keepdim=True) + 1e-5)
            return F.conv2d(x, w, self.bias, self.stride, self.padding)

    def body(m: Any, x: Tensor) -> Tensor:
        return m.b((m.a(x.flatten(0, 1)) > 0).float())

    net = Net(body, a=nn.Conv2d(2, 3, 3), b=Standardised(3, 4, 2, padding=1))
    return Built(net, (d.frames(2),), {"a": "analog", "other": "spikes weight"})


@network
def pruned(d: Draw) -> Built:
    layer = nn.Linear(d.hidden, d.classes)
    prune.random_unstructured(layer, "weight", amount=0.5)
    return hidden_layer(d, layer, WEIGHT)


@network
def masked_connectivity(d: Draw) -> Built:
    class Masked(nn.Linear):
        def __init__(self, ins: int, outs: int) -> None:
            super().__init__(ins, outs)
            self.register_buffer("mask", torch.rand(outs, ins) < 0.5)

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, torch.where(self.mask, self.weight, 0.0), self.bias)

    return hidden_layer(d, Masked(d.hidden, d.classes), WEIGHT)


@network
def weights_of_a_hypernetwork(d: Draw) -> Built:
    """Its input is a parameter: the weights are computed once and cost nothing."""

    class Hyper(nn.Module):
        def __init__(self, ins: int, outs: int) -> None:
            super().__init__()
            self.z, self.size = nn.Parameter(torch.randn(3)), (outs, ins)
            self.make = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, ins * outs))

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, self.make(self.z).view(self.size))

    truth = {"layer.make.0": "weight", "layer.make.2": "weight", "other": "spikes weight"}
    return hidden_layer(d, Hyper(d.hidden, d.classes), truth)


@network
def delays_as_kernels_of_a_parameter(d: Draw) -> Built:
    """A kernel over time, a bump around a learned delay for every connection."""

    def body(m: Any, x: Tensor) -> Tensor:
        z = (m.a(x) > 0).float().permute(1, 2, 0)
        bump = torch.exp(-((m.at.unsqueeze(-1) - torch.arange(3.0)) ** 2))
        return F.conv1d(F.pad(z, (2, 0)), m.w.unsqueeze(-1) * bump)

    shape = (d.classes, d.hidden)
    net = Net(
        body, a=nn.Linear(d.features, d.hidden), w=nn.Parameter(torch.randn(shape)),
        at=nn.Parameter(2 * torch.rand(shape)),
    )  # fmt: skip
    return Built(net, (d.series(),), {"a": "analog", "other": "spikes weight"})


@network
def tied_encoder_and_decoder(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        return F.linear(m.neuron(F.linear(x, m.w)), m.w.t())

    net = Net(
        body, w=nn.Parameter(torch.randn(d.hidden, d.features)),
        neuron=HardReset(SavedTensors.apply, d.hidden),
    )  # fmt: skip
    also = {"weights": d.hidden * d.features, "parameters": d.hidden * d.features}
    return Built(net, (d.series(),), {"w": ["analog", "spikes"]}, also)


@network
def tied_embedding_and_decoder(d: Draw) -> Built:
    def body(m: Any, tokens: Tensor) -> Tensor:
        return m.decoder(m.neuron(m.a(m.table(tokens))))

    net = Net(
        body, table=nn.Embedding(9, 4), a=nn.Linear(4, 4), decoder=nn.Linear(4, 9, bias=False),
        neuron=HardReset(SavedTensors.apply, 4),
    )  # fmt: skip
    net.decoder.weight = net.table.weight
    also = {"weights": 16 + 36, "parameters": 20 + 36}
    tokens = torch.randint(0, 9, (d.time, d.batch))
    return Built(net, (tokens,), {"a": "analog", "table": "spikes"}, also)


@network
def one_kernel_at_two_sizes(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> list[Tensor]:
        s = (m.a(x.flatten(0, 1)) > 0).float()
        return [m.b(s), m.b(F.max_pool2d(s, 2))]

    net = Net(body, a=nn.Conv2d(2, 3, 2), b=nn.Conv2d(3, 3, 2, padding=1))
    return Built(net, (d.frames(2),), {"a": "analog", "b": "spikes"}, {"weights": 24 + 36})


@network
def one_layer_for_all_depths(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        z = m.neuron(m.a(x))
        for _ in range(3):
            z = m.neuron(m.shared(z))
        return z

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), shared=nn.Linear(d.hidden, d.hidden),
        neuron=HardReset(SavedTensors.apply, d.hidden),
    )  # fmt: skip
    also = {"weights": d.hidden * (d.features + d.hidden)}
    return Built(net, (d.series(),), {"a": "analog", "shared": "spikes"}, also)
