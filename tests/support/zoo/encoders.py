"""Encoders that make spikes of what comes in."""

from __future__ import annotations

from typing import Any

import torch
from support.zoo.case import Built, Draw, Net, network
from support.zoo.functions import SavedTensors
from support.zoo.units import HardReset, SoftReset, Synaptic
from torch import Tensor, nn


def encoded(d: Draw, encode: Any, kind: str = "spikes", x: Tensor | None = None) -> Built:
    """An encoder of a static input [B, N] to [T, B, N], a layer, a neuron, a layer."""

    def body(m: Any, x: Tensor) -> Tensor:
        return m.b(m.neuron(m.a(encode(x))))

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes),
        neuron=SoftReset(SavedTensors.apply, d.hidden),
    )  # fmt: skip
    x = torch.rand(d.batch, d.features) if x is None else x
    return Built(net, (x,), {"a": kind, "b": "spikes"})


@network
def rate_code_by_comparison(d: Draw) -> Built:
    return encoded(d, lambda x: (torch.rand(5, *x.shape) < x).float())


@network
def rate_code_by_bernoulli(d: Draw) -> Built:
    return encoded(d, lambda x: torch.bernoulli(x.expand(4, *x.shape)))


@network
def rate_code_step_by_step(d: Draw) -> Built:
    return encoded(d, lambda x: torch.stack([torch.rand_like(x).le(x).to(x) for _ in range(4)]))


@network
def latency_code(d: Draw) -> Built:
    """One spike each, the sooner the stronger the input."""

    def encode(x: Tensor) -> Tensor:
        when = torch.round((1 - x) * 4)
        return (torch.arange(5).view(5, 1, 1) == when).float()

    return encoded(d, encode)


@network
def latency_code_by_scatter(d: Draw) -> Built:
    def encode(x: Tensor) -> Tensor:
        when = ((1 - x) * 4).round().long().unsqueeze(0)
        return torch.zeros(5, *x.shape).scatter(0, when, torch.ones(1, *x.shape))

    return encoded(d, encode)


@network
def phase_code_by_bits(d: Draw) -> Built:
    def encode(x: Tensor) -> Tensor:
        levels = (x * 15).to(torch.int64)
        return torch.stack([(levels >> k) & 1 for k in range(4)]).float()

    return encoded(d, encode)


@network
def change_detection(d: Draw) -> Built:
    """Spikes where a series changes by more than a threshold, after a first frame of zeros."""

    def encode(x: Tensor) -> Tensor:
        difference = torch.diff(x, dim=0, prepend=torch.zeros_like(x[:1]))
        return (difference.abs() >= 0.2).float()

    return encoded(d, encode, x=torch.rand(d.time, d.batch, d.features))


@network
def repeated_analog_input(d: Draw) -> Built:
    return encoded(d, lambda x: x.unsqueeze(0).repeat(3, 1, 1), "analog")


@network
def input_that_is_spikes(d: Draw) -> Built:
    built = encoded(d, lambda x: x, x=(torch.rand(d.time, d.batch, d.features) < 0.4).float())
    return Built(built.net, built.inputs, built.truth, input_kind="spikes")


@network
def input_that_counts_events(d: Draw) -> Built:
    events = torch.randint(0, 3, (d.time, d.batch, d.features)).float()
    built = encoded(d, lambda x: x, "graded", events)
    return Built(built.net, built.inputs, built.truth, input_kind="graded")


@network
def tokens_to_embeddings_to_spikes(d: Draw) -> Built:
    def body(m: Any, tokens: Tensor) -> Tensor:
        return m.b(m.neuron(m.a(m.table(tokens))))

    net = Net(
        body, table=nn.Embedding(11, 4), a=nn.Linear(4, d.hidden),
        neuron=Synaptic(SavedTensors.apply, d.hidden), b=nn.Linear(d.hidden, d.classes),
    )  # fmt: skip
    return Built(net, (torch.randint(0, 11, (d.time, d.batch)),), {"a": "analog", "b": "spikes"})


@network
def spike_of_an_event_list(d: Draw) -> Built:
    """Events (t, n) written into frames of zeros."""

    def body(m: Any, x: Tensor, when: Tensor, where: Tensor) -> Tensor:
        frames = torch.zeros(len(x), m.a.in_features)
        frames[when, where] = 1.0
        return m.b(m.neuron((m.a(frames) + x).unsqueeze(1)))

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), neuron=HardReset(SavedTensors.apply, d.hidden),
        b=nn.Linear(d.hidden, d.classes),
    )  # fmt: skip
    when, where = torch.randint(0, 4, (9,)), torch.randint(0, d.features, (9,))
    return Built(net, (torch.rand(4, d.hidden), when, where), {"a": "spikes", "b": "spikes"})
