"""Spiking neurons as people write them around a firing function: [T, B, N] -> [T, B, N] spikes.

`cost(t, n)`: operations of `t` steps of `n` neurons without those of the firing function, by hand.
What starts from constant zeros costs nothing at the first step (0.9 * zeros depends on no input).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from support.zoo.functions import Fire
from torch import Tensor, nn


class Unit(nn.Module):
    """Base of the neurons here: how they fire."""

    def __init__(self, fire: Fire, size: int) -> None:
        super().__init__()
        if isinstance(fire, nn.Module):
            self.fire_module = fire
        self.fire, self.size = fire, size

    @staticmethod
    def cost(t: int, n: int) -> int | None:
        """Operations besides firing; None where no table says them."""
        return None


class HardReset(Unit):
    """Loop inside, state in a local variable, list of outputs."""

    def forward(self, x: Tensor) -> Tensor:
        v, out = torch.zeros_like(x[0]), []
        for current in x:
            v = 0.9 * v + current
            z = self.fire(v - 1.0)
            v = v * (1 - z)
            out.append(z)
        return torch.stack(out)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (5 * t - 1)  # 0.9*, +, - 1, 1 -, *


class DetachedReset(Unit):
    """The reset is cut from the graph; the state starts as a number."""

    def forward(self, x: Tensor) -> Tensor:
        v: Any = 0.0
        out = []
        for t in range(x.size(0)):
            v = v + (x[t] - v) / 2.0
            spike = self.fire(v - 0.5)
            v = (1.0 - spike.detach()) * v
            out.append(spike)
        return torch.stack(out, dim=0)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * 6 * t  # x - v, / 2, + v, - 0.5, 1 - z, *


class SoftReset(Unit):
    """Subtracts the threshold; writes into a tensor made before the loop."""

    def forward(self, x: Tensor) -> Tensor:
        mem = torch.zeros(x.shape[1:])
        spikes = torch.zeros_like(x)
        for step in range(len(x)):
            mem = mem * 0.8 + x[step]
            spikes[step] = self.fire(mem - 0.7)
            mem = mem - spikes[step] * 0.7
        return spikes

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (5 * t - 1)


class ResetByWhere(Unit):
    def forward(self, x: Tensor) -> Tensor:
        v, out = x.new_zeros(x.shape[1:]), []
        for current in x.unbind(0):
            v = v.mul(0.5).add(current)
            z = self.fire(v.sub(0.6))
            v = torch.where(z.bool(), torch.zeros_like(v), v)
            out += [z]
        return torch.cat([z.unsqueeze(0) for z in out])

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (4 * t - 1)


class ResetInPlace(Unit):
    """Potential and reset in place: a masked write."""

    def forward(self, x: Tensor) -> Tensor:
        v = torch.zeros_like(x[0])
        out = torch.empty_like(x)
        for t, current in enumerate(x):
            v *= 0.7
            v += current
            out[t] = self.fire(v - 0.5)
            v[out[t] > 0] = 0.0
        return out


class Attribute(Unit):
    """A single step whose state is an attribute; the loop is outside, around calls."""

    def __init__(self, fire: Fire, size: int) -> None:
        super().__init__(fire, size)
        self.cell = AttributeCell(fire)

    def forward(self, x: Tensor) -> Tensor:
        self.cell.mem = None
        return torch.stack([self.cell(frame) for frame in x])

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (4 * t - 2)  # 0.9*, +, - 1, - z; only the last two at first


class AttributeCell(nn.Module):
    def __init__(self, fire: Fire) -> None:
        super().__init__()
        self.fire, self.mem = fire, None

    def forward(self, current: Tensor) -> Tensor:
        self.mem = current if self.mem is None else self.mem * 0.9 + current
        spike = self.fire(self.mem - 1)
        self.mem = self.mem - spike
        return spike


class Buffered(Unit):
    """The state is a buffer of the module that grows to the batch."""

    def __init__(self, fire: Fire, size: int) -> None:
        super().__init__(fire, size)
        self.register_buffer("mem", torch.zeros(1))
        self.register_buffer("beta", torch.tensor(0.8))

    def forward(self, x: Tensor) -> Tensor:
        self.mem = torch.zeros(x.shape[1:])
        out = []
        for current in x:
            self.mem = self.beta * self.mem + current
            z = self.fire(self.mem - 1)
            self.mem = self.mem * (1 - z)
            out.append(z)
        return torch.stack(out)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (5 * t - 1)


class InDict(Unit):
    """The state in a dict, changed by a function."""

    def forward(self, x: Tensor) -> Tensor:
        state: dict[str, Any] = {"v": torch.zeros(x.shape[1], self.size), "out": []}
        for current in x:
            self.step(current, state)
        return torch.stack(state["out"])

    def step(self, current: Tensor, state: dict[str, Any]) -> None:
        state["v"] = 0.5 * state["v"] + current
        z = self.fire(state["v"] - 0.3)
        state["v"] = state["v"] * (1 - z)
        state["out"].append(z)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (5 * t - 1)


class State(NamedTuple):
    v: Tensor
    i: Tensor


class Synaptic(Unit):
    """A synaptic current before the potential; the state is a named tuple."""

    def forward(self, x: Tensor) -> Tensor:
        zeros = torch.zeros_like(x[0])
        s, out = State(zeros, zeros), []
        for current in x:
            z, s = self.step(current, s)
            out.append(z)
        return torch.stack(out)

    def step(self, x: Tensor, s: State) -> tuple[Tensor, State]:
        i = 0.6 * s.i + x
        v = 0.8 * s.v + i
        z = self.fire(v - 0.9)
        return z, State(v=v * (1 - z), i=i)

    @staticmethod
    def cost(t: int, n: int) -> int:
        return n * (7 * t - 2)
