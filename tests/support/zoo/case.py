"""Networks with what is true of them, and what the counter makes of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from support.zoo.connections import Truth, brute_force, record
from torch import Tensor, nn

from liafbench.baselines.errors import UsageError
from liafbench.bench.counting import count


class Draw(random.Random):
    """Sizes and values of one network, all from one seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        torch.manual_seed(seed)
        self.time, self.batch = self.randint(2, 5), self.randint(1, 3)
        self.features, self.hidden, self.classes = (self.randint(3, 7) for _ in range(3))

    def series(self, *shape: int, scale: float = 2.0) -> Tensor:
        """Analog input [T, B, *shape]."""
        return scale * torch.randn(self.time, self.batch, *(shape or (self.features,)))

    def frames(self, channels: int, size: int = 5) -> Tensor:
        """Analog frames [T, B, channels, size, size + 1]."""
        return self.series(channels, size, size + 1)


@dataclass(frozen=True)
class Built:
    """A network, its inputs, and what is true of both."""

    net: nn.Module
    inputs: tuple[Any, ...]
    truth: Truth
    also: dict[str, int] = field(default_factory=dict)
    input_kind: Any = "analog"
    plain: nn.Module | None = None
    """The same network in a form whose products can be recorded, where the form itself cannot."""


class Net(nn.Module):
    """A forward written as a function of the module and its inputs."""

    def __init__(self, body: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.body = body
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Any) -> Any:
        return self.body(self, *inputs)


def folded(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A layer without time on [T, B, ...]."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


Maker = Callable[[Draw], Built]
NETWORKS: dict[str, Maker] = {}


def network(maker: Maker) -> Maker:
    """Registers a network under the name of its maker."""
    assert maker.__name__ not in NETWORKS, maker.__name__
    NETWORKS[maker.__name__] = maker
    return maker


@dataclass(frozen=True)
class Verdict:
    """`equal`, `refused: REASON` or `differs: NUMBERS`; a traceback differs too."""

    status: str
    why: str = ""


def expected(built: Built) -> dict[str, int]:
    """What the brute force and the network's author say."""
    products = record((built.plain or built.net).eval(), built.inputs)
    return {**brute_force(products, built.truth), **built.also}


def judge(maker: Maker, seed: int) -> Verdict:
    """The counter's numbers beside the right ones, on a network of its own each."""
    right = expected(maker(Draw(seed)))
    built = maker(Draw(seed))
    try:
        counts = count(built.net, built.inputs, input_kind=built.input_kind)
    except UsageError as error:  # UncountableError is one
        return Verdict("refused", str(error))
    except Exception as error:  # noqa: BLE001 what a user would see as a traceback
        return Verdict("differs", f"{type(error).__name__}: {error}")
    found = {name: getattr(counts, name) for name in right}
    wrong = [f"{k} {found[k]:g} for {right[k]}" for k in right if found[k] != right[k]]
    return Verdict("differs", "; ".join(wrong)) if wrong else Verdict("equal")
