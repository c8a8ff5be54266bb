"""Neurons of richer dynamics: adaptation, refractoriness, responses, parallel forms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from support.zoo.functions import Fire
from support.zoo.units import Unit
from torch import Tensor, nn


@dataclass
class Traces:
    v: Tensor
    b: Tensor
    z: Tensor


class Adaptive(Unit):
    """A threshold that grows with every spike (ALIF); the state is a dataclass."""

    def forward(self, x: Tensor) -> Tensor:
        zeros = torch.zeros(x.shape[1], x.shape[2])
        s, out = Traces(zeros, zeros, zeros), []
        for current in x:
            s.b = 0.9 * s.b + 0.1 * s.z
            threshold = 0.5 + 1.8 * s.b
            s.v = 0.7 * s.v + current - threshold * s.z
            s.z = self.fire(s.v - threshold)
            out.append(s.z)
        return torch.stack(out)

    @staticmethod
    def cost(t: int, n: int) -> int:
        # b 3, threshold 2, v 4, - threshold 1. First: + current, - constant, - threshold. At the
        # second step b is still a constant.
        return n * (10 * t - 8)


class Refractory(Unit):
    """Silent for some steps after a spike: a counter that gates the spike."""

    def forward(self, x: Tensor) -> Tensor:
        v = torch.zeros_like(x[0])
        rest = torch.zeros_like(x[0])
        out = []
        for current in x:
            v = 0.8 * v + current
            awake = (rest <= 0).float()
            z = self.fire(v - 0.5) * awake
            rest = (rest - 1).clamp(min=0) + 2 * z
            v = v * (1 - z)
            out.append(z)
        return torch.stack(out)


class SpikeResponse(Unit):
    """SRM: a response kernel and a refractory kernel, both as traces."""

    def forward(self, x: Tensor) -> Tensor:
        psp, refractory = torch.zeros_like(x[0]), torch.zeros_like(x[0])
        out = []
        for current in x:
            psp = psp * 0.75 + current
            u = psp - refractory
            z = self.fire(u - 0.4)
            refractory = refractory * 0.5 + z
            out.append(z)
        return torch.stack(out)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (6 * t - 2)  # psp 2, - refractory, - 0.4, refractory 2


class TwoCompartments(Unit):
    """Dendrite and soma in a list that is written in place."""

    def forward(self, x: Tensor) -> Tensor:
        state, out = [torch.zeros_like(x[0]) for _ in range(2)], []
        for current in x:
            state[0] = state[0] + (current - state[1]) * 0.5
            state[1] = state[1] * 0.9 + state[0]
            z = self.fire(state[1] - 0.8)
            state[1] = torch.addcmul(state[1], z, state[1], value=-1.0)
            out.append(z)
        return torch.stack(out)


class LearnedLeak(Unit):
    """PLIF: the leak is a sigmoid of a parameter, computed at every step for nothing."""

    def __init__(self, fire: Fire, size: int) -> None:
        super().__init__(fire, size)
        self.w = nn.Parameter(torch.tensor(0.3))
        self.threshold = nn.Parameter(torch.full((size,), 0.6))

    def forward(self, x: Tensor) -> Tensor:
        v, out = torch.zeros_like(x[0]), []
        for current in x:
            v = torch.sigmoid(self.w) * v + current
            z = self.fire(v - self.threshold)
            v = v - z * self.threshold
            out.append(z)
        return torch.stack(out)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (5 * t - 1)


class IntegrateAndFire(Unit):
    """No leak; the potential is carried by a sum in parallel and fires where it passes a step."""

    def forward(self, x: Tensor) -> Tensor:
        potential = torch.cumsum(x, 0)
        return self.fire(potential - 1.0)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (2 * t - 1)


class Accumulated(Unit):
    """Keeps all potentials and spikes in lists, and returns the last reset unused."""

    def forward(self, x: Tensor) -> Tensor:
        potentials, spikes = [x.new_zeros(x.shape[1:])], []
        for t in range(x.shape[0]):
            before = potentials[-1]
            v = before + x[t]
            spikes.append(self.fire(v - 1.0))
            potentials.append(v - spikes[-1])
        self.trace = torch.stack(potentials).detach()
        return torch.stack(spikes)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * 3 * t


class BatchFirst(Unit):
    """Time is the last dimension, as in SLAYER and STBP code."""

    def forward(self, x: Tensor) -> Tensor:
        y = x.permute(1, 2, 0)
        mem = spike = torch.zeros(y.shape[:-1])
        out = torch.zeros_like(y)
        for t in range(y.shape[-1]):
            mem = mem * 0.5 * (1.0 - spike) + y[..., t]
            spike = self.fire(mem - 0.5)
            out[..., t] = spike
        return out.permute(2, 0, 1)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (5 * t - 3)  # *, *, 1 -, + , - 0.5
