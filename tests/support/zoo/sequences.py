"""Recurrent spiking networks, and layers that compete."""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
import torch.nn.functional as F
from support.zoo.case import Built, Draw, Net, network
from support.zoo.dynamics import Adaptive
from support.zoo.functions import ForVmap, Outer, SavedInput, SavedTensors, WithThreshold, WithWidth
from torch import Tensor, nn


@network
def recurrence_from_zeros(d: Draw) -> Built:
    """The zero state that starts the recurrence counts dense."""

    def body(m: Any, x: Tensor) -> Tensor:
        v = z = torch.zeros(x.shape[1], m.recurrent.in_features)
        out = []
        for frame in x:
            v = 0.8 * v * (1 - z) + m.inputs(frame) + m.recurrent(z)
            z = SavedTensors.apply(v - 0.4)
            out.append(z)
        return m.readout(torch.stack(out))

    net = Net(
        body, inputs=nn.Linear(d.features, d.hidden), readout=nn.Linear(d.hidden, d.classes),
        recurrent=nn.Linear(d.hidden, d.hidden, bias=False),
    )  # fmt: skip
    truth = {"inputs": "analog", "recurrent": ["state", "spikes"], "readout": "spikes"}
    return Built(net, (d.series(),), truth)


@network
def recurrence_from_nothing(d: Draw) -> Built:
    """No recurrent product before there are spikes."""

    def body(m: Any, x: Tensor) -> Tensor:
        currents = m.inputs(x)
        v, z, out = 0.0, None, []
        for current in currents:
            v = 0.5 * v + current
            if z is not None:
                v = v + F.linear(z, m.w)
            z = SavedInput.apply(v - 0.3)
            v = v - 0.3 * z
            out.append(z)
        return m.readout(torch.stack(out).mean(0))

    net = Net(
        body, inputs=nn.Linear(d.features, d.hidden), readout=nn.Linear(d.hidden, d.classes),
        w=nn.Parameter(torch.randn(d.hidden, d.hidden)),
    )  # fmt: skip
    return Built(net, (d.series(),), {"inputs": "analog", "w": "spikes", "readout": "graded"})


@network
def adaptive_network_without_autapses(d: Draw) -> Built:
    """The recurrent matrix is masked at every step; the mask is a buffer."""

    def body(m: Any, x: Tensor) -> Tensor:
        zeros = torch.zeros(x.shape[1], m.w.shape[0])
        v, a, z, out = zeros, zeros, zeros, []
        for frame in x:
            i = frame @ m.w_in + z @ (m.w * m.mask)
            a = 0.9 * a + z
            v = 0.7 * v + i - z * 0.5
            z = WithThreshold.apply(v - 0.2 * a, torch.tensor(0.3))
            out.append(z)
        return torch.stack(out) @ m.w_out

    h = d.hidden
    net = Net(
        body, w_in=nn.Parameter(torch.randn(d.features, h)), w=nn.Parameter(torch.randn(h, h)),
        w_out=nn.Parameter(torch.randn(h, d.classes)),
    )  # fmt: skip
    net.register_buffer("mask", 1 - torch.eye(h))
    truth = {"w_in": "analog", "other": ["state weight", "spikes weight"], "w_out": "spikes"}
    return Built(net, (d.series(),), truth)


@network
def delayed_spikes(d: Draw) -> Built:
    """Spikes arrive two steps later, out of a queue of zeros."""

    def body(m: Any, x: Tensor) -> Tensor:
        line = deque([torch.zeros(x.shape[1], m.a.out_features)] * 2, maxlen=2)
        out = []
        for frame in x:
            z = (m.a(frame) > 0).float()
            out.append(m.b(line.popleft()))
            line.append(z)
        return torch.stack(out)

    net = Net(body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes))
    return Built(net, (d.series(),), {"a": "analog", "b": ["state", "state", "spikes"]})


@network
def convolutional_recurrence(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        z, v, out = None, 0, []
        for frame in x:
            v = v * 0.6 + m.conv(frame)
            if z is not None:
                v = v + m.recurrent(z)
            z = (v > 0.3).to(v.dtype)
            v = v.masked_fill(z.bool(), 0.0)
            out.append(z)
        return m.head(torch.stack(out).flatten(2))

    net = Net(
        body, conv=nn.Conv2d(2, 3, 3), recurrent=nn.Conv2d(3, 3, 3, padding=1, bias=False),
        head=nn.Linear(36, d.classes),
    )  # fmt: skip
    truth = {"conv": "analog", "recurrent": "spikes", "head": "spikes"}
    return Built(net, (d.frames(2),), truth)


@network
def gated_spiking_unit(d: Draw) -> Built:
    """Binary gates around an analog state."""

    def body(m: Any, x: Tensor) -> Tensor:
        h = torch.tanh(m.candidate(x[0]))
        for frame in x[1:]:
            gate = SavedTensors.apply(m.gate(frame))
            h = gate * h + (1 - gate) * torch.tanh(m.candidate(frame))
        return m.readout(h)

    net = Net(
        body, gate=nn.Linear(d.features, d.hidden), candidate=nn.Linear(d.features, d.hidden),
        readout=nn.Linear(d.hidden, d.classes),
    )  # fmt: skip
    return Built(net, (d.series(),), dict.fromkeys(("gate", "candidate", "readout"), "analog"))


@network
def two_layers_in_one_loop(d: Draw) -> Built:
    """States in a list of layers; every layer reads the one before it at the same step."""

    def body(m: Any, x: Tensor) -> Tensor:
        v = [torch.zeros(x.shape[1], layer.out_features) for layer in m.layers]
        total = torch.zeros(x.shape[1], m.layers[-1].out_features)
        for frame in x:
            z = frame
            for k, layer in enumerate(m.layers):
                v[k] = v[k] * 0.9 + layer(z)
                z = Outer.apply(v[k] - 0.2)
                v[k] = v[k] - z * 0.2
            total += z
        return total / len(x)

    sizes = (d.features, d.hidden, 4, d.classes)
    net = Net(body, layers=nn.ModuleList(map(nn.Linear, sizes[:-1], sizes[1:])))
    truth = {"layers.0": "analog", "layers.1": "spikes", "layers.2": "spikes"}
    return Built(net, (d.series(),), truth)


@network
def both_directions_of_time(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        y = m.a(x)
        forth, back = m.neuron(y), m.neuron(y.flip(0)).flip(0)
        return m.b(torch.cat((forth, back), -1))

    neuron = Adaptive(ForVmap.apply, d.hidden)
    net = Net(body, a=nn.Linear(d.features, d.hidden), neuron=neuron,
              b=nn.Linear(2 * d.hidden, d.classes))  # fmt: skip
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def winner_takes_all(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        winner = F.one_hot(m.a(x).argmax(-1), m.a.out_features)
        return m.b(winner.to(x.dtype))

    net = Net(body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes))
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def winner_by_rows_of_the_identity(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        return m.b(torch.eye(m.a.out_features)[m.a(x).argmax(-1)])

    net = Net(body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes))
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def the_best_two_by_scatter(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        v = m.a(x)
        z = torch.zeros_like(v).scatter_(-1, v.topk(2, -1).indices, 1.0)
        return m.b(z)

    net = Net(body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes))
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def reservoir(d: Draw) -> Built:
    """Fixed sparse matrices as buffers; only the readout is trained."""

    def body(m: Any, x: Tensor) -> Tensor:
        z = v = torch.zeros(m.w.shape[0], x.shape[1])
        out = []
        for frame in x:
            v = 0.9 * v + torch.mm(m.w_in, frame.t())
            if out:
                v = v + torch.mm(m.w, z)
            z = WithWidth.apply(v - 1.0, 0.5)
            v = torch.where(z > 0, torch.zeros(()), v)
            out.append(z)
        return m.readout(torch.stack(out).transpose(1, 2))

    h = d.hidden + 3
    net = Net(body, readout=nn.Linear(h, d.classes))
    net.register_buffer("w_in", torch.randn(h, d.features))
    net.register_buffer("w", torch.randn(h, h) * (torch.rand(h, h) < 0.3))
    return Built(net, (d.series(),), {"w_in": "analog", "w": "spikes", "readout": "spikes"})


@network
def stops_when_something_fires(d: Draw) -> Built:
    """What runs depends on values; the readout runs once, whichever step it was."""

    def body(m: Any, x: Tensor) -> Tensor:
        z = torch.zeros(())
        for frame in x:
            z = (m.a(frame) > 0.5).float()
            if z.sum().item() > 1:
                break
        return m.b(z)

    net = Net(body, a=nn.Linear(d.features, d.hidden), b=nn.Linear(d.hidden, d.classes))
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def spiking_lstm(d: Draw) -> Built:
    """Gates as one product each of input and state; the state starts at zero and counts dense."""

    def body(m: Any, x: Tensor) -> Tensor:
        h = c = torch.zeros(x.shape[1], m.hh.in_features)
        out = []
        for frame in x:
            i, f, g, o = (m.ih(frame) + m.hh(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            z = (h > 0.1).float()
            h = h - z * 0.1
            out.append(z)
        return m.readout(torch.stack(out))

    h = d.hidden
    net = Net(body, ih=nn.Linear(d.features, 4 * h), hh=nn.Linear(h, 4 * h, bias=False),
              readout=nn.Linear(h, d.classes))  # fmt: skip
    truth = {"ih": "analog", "hh": ["state", "analog"], "readout": "spikes"}
    return Built(net, (d.series(),), truth)
