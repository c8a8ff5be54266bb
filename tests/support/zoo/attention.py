"""Attention among spikes, mixers, and products of two activities."""

from __future__ import annotations

from typing import Any

import torch
from support.zoo.case import Built, Draw, Net, network
from support.zoo.functions import SavedTensors, WithWidth
from support.zoo.units import HardReset, SoftReset
from torch import Tensor, nn


def projections(d: Draw, size: int) -> dict[str, nn.Module]:
    """q, k, v of tokens [T, B, L, F], a neuron each, and what comes after."""
    return {
        **{name: nn.Linear(d.features, size) for name in "qkv"},
        **{f"{name}_lif": HardReset(SavedTensors.apply, size) for name in "qkv"},
        "out": nn.Linear(size, d.classes),
    }


QKV = {"q": "analog", "k": "analog", "v": "analog"}


@network
def spiking_self_attention(d: Draw) -> Built:
    """No softmax: spikes times spikes, then sums of spikes times spikes."""

    def body(m: Any, x: Tensor) -> Tensor:
        q, k, v = m.q_lif(m.q(x)), m.k_lif(m.k(x)), m.v_lif(m.v(x))
        scores = (q @ k.transpose(-2, -1)) * 0.25
        return m.out(m.last(scores @ v))

    net = Net(body, **projections(d, 4), last=SoftReset(SavedTensors.apply, 4))
    truth = QKV | {"other": ("spikes spikes", "graded spikes"), "out": "spikes"}
    return Built(net, (d.series(4, d.features),), truth)


@network
def spiking_attention_in_heads(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        def heads(y: Tensor) -> Tensor:
            return y.reshape(*y.shape[:3], 2, 3).permute(0, 1, 3, 2, 4)

        q, k, v = (heads(getattr(m, f"{n}_lif")(getattr(m, n)(x))) for n in "qkv")
        scores = torch.einsum("tbhid,tbhjd->tbhij", q, k)
        y = torch.einsum("tbhij,tbhjd->tbhid", scores, v)
        return m.out(y.transpose(2, 3).flatten(3))

    net = Net(body, **projections(d, 6))
    truth = QKV | {"other": ("spikes spikes", "graded spikes"), "out": "analog"}
    return Built(net, (d.series(3, d.features),), truth)


@network
def spiking_attention_in_linear_order(d: Draw) -> Built:
    """K^T V first: its sums of spikes meet spikes."""

    def body(m: Any, x: Tensor) -> Tensor:
        q, k, v = m.q_lif(m.q(x)), m.k_lif(m.k(x)), m.v_lif(m.v(x))
        return m.out(q.matmul(k.mT.matmul(v)))

    net = Net(body, **projections(d, 4))
    truth = QKV | {"other": ("spikes spikes", "spikes graded"), "out": "analog"}
    return Built(net, (d.series(5, d.features),), truth)


@network
def softmax_attention_over_spikes(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        weights = torch.softmax(m.q(x) @ m.k(x).transpose(-2, -1) / 2.0, -1)
        return m.out(weights @ m.v_lif(m.v(x)))

    net = Net(body, **projections(d, 4))
    truth = QKV | {"other": ("analog analog", "analog spikes"), "out": "analog"}
    return Built(net, (d.series(3, d.features),), truth)


@network
def attention_without_products(d: Draw) -> Built:
    """Spike-driven attention: Hadamard products and a sum that fires again."""

    def body(m: Any, x: Tensor) -> Tensor:
        q, k, v = m.q_lif(m.q(x)), m.k_lif(m.k(x)), m.v_lif(m.v(x))
        mask = WithWidth.apply((q * k).sum(-2, keepdim=True) - 0.5, 1.0)
        return m.out(mask * v)

    net = Net(body, **projections(d, 5))
    return Built(net, (d.series(4, d.features),), QKV | {"out": "spikes"})


@network
def token_gating(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        q, k = m.q_lif(m.q(x)), m.k_lif(m.k(x))
        gate = (q.sum(-1, keepdim=True) >= 1).to(q)
        return m.out(gate * k)

    parts = projections(d, 5)
    net = Net(body, **{name: parts[name] for name in ("q", "k", "q_lif", "k_lif", "out")})
    truth = {"q": "analog", "k": "analog", "out": "spikes"}
    return Built(net, (d.series(4, d.features),), truth)


@network
def correlation_of_spikes_over_time(d: Draw) -> Built:
    """Outer products of pre- and postsynaptic spikes, summed over time."""

    def body(m: Any, x: Tensor) -> Tensor:
        pre, post = m.first(m.a(x)), m.second(m.b(x))
        return torch.tensordot(pre, post, dims=([0, 1], [0, 1]))

    net = Net(
        body, a=nn.Linear(d.features, 4), b=nn.Linear(d.features, 3),
        first=HardReset(SavedTensors.apply, 4), second=HardReset(SavedTensors.apply, 3),
    )  # fmt: skip
    return Built(net, (d.series(),), {"a": "analog", "b": "analog", "other": "spikes spikes"})


@network
def fast_weights(d: Draw) -> Built:
    """A Hebbian matrix of the sample itself, grown by outer products, read by spikes."""

    def body(m: Any, x: Tensor) -> Tensor:
        z, out = (m.a(x) > 0).float(), []
        fast = torch.bmm(z[0].unsqueeze(2), z[0].unsqueeze(1))
        for spikes in z[1:]:
            out.append(torch.bmm(spikes.unsqueeze(1), fast).squeeze(1))
            fast = 0.9 * fast + torch.bmm(spikes.unsqueeze(2), spikes.unsqueeze(1))
        return m.b(torch.stack(out))

    net = Net(body, a=nn.Linear(d.features, 4), b=nn.Linear(4, d.classes))
    steps = ["spikes spikes"] + ["spikes graded", "spikes spikes"] * d.time
    return Built(net, (d.series(),), {"a": "analog", "other": steps, "b": "graded"})


@network
def input_makes_the_weights(d: Draw) -> Built:
    """A hypernetwork whose weights depend on the input are no weights but activity."""

    def body(m: Any, x: Tensor, context: Tensor) -> Tensor:
        w = m.hyper(context).view(-1, m.hidden, m.classes)
        return torch.einsum("tbi,bio->tbo", m.neuron(m.a(x)), w)

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), neuron=HardReset(SavedTensors.apply, d.hidden),
        hyper=nn.Linear(3, d.hidden * d.classes), hidden=d.hidden, classes=d.classes,
    )  # fmt: skip
    truth = {"a": "analog", "hyper": "analog", "other": "spikes analog"}
    return Built(net, (d.series(), torch.randn(d.batch, 3)), truth)


@network
def mixer_of_tokens_and_channels(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        s = m.first(m.stem(x))
        y = m.tokens(s.transpose(-1, -2)).transpose(-1, -2)
        return m.channels(m.second(y))

    net = Net(
        body, stem=nn.Linear(d.features, d.hidden), first=HardReset(SavedTensors.apply, 0),
        tokens=nn.Linear(4, 4), second=SoftReset(SavedTensors.apply, 0),
        channels=nn.Linear(d.hidden, d.classes),
    )  # fmt: skip
    truth = {"stem": "analog", "tokens": "spikes", "channels": "spikes"}
    return Built(net, (d.series(4, d.features),), truth)


@network
def graph_convolution_of_spikes(d: Draw) -> Built:
    """A dense adjacency matrix as a buffer; spikes meet it, and their sums meet the weights."""

    def body(m: Any, x: Tensor) -> Tensor:
        s = m.neuron(m.a(x))
        return m.b(torch.matmul(m.adjacency, s))

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), neuron=HardReset(SavedTensors.apply, 0),
        b=nn.Linear(d.hidden, d.classes),
    )  # fmt: skip
    net.register_buffer("adjacency", (torch.rand(5, 5) < 0.4).float())
    truth = {"a": "analog", "adjacency": "spikes", "b": "analog"}
    return Built(net, (d.series(5, d.features),), truth)
