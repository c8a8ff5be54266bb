"""Random straight-line programs that make, alias, overwrite and delete tensors of mixed kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from support.zoo.case import Built, Draw, Net
from torch import Tensor, nn

Step = Callable[[Any, dict[str, Tensor]], None]

ONE: dict[str, tuple[Callable[[Tensor], Tensor], dict[str, str]]] = {
    "compare": (lambda a: (a > 0.2).float(), {"analog": "spikes", "graded": "spikes"}),
    "cast": (lambda a: a.double().float(), {}),
    "copy": (lambda a: a.clone(), {}),
    "turn": (lambda a: a.t().contiguous().t(), {}),
    "rectify": (F.relu, {}),
    "gather": (lambda a: a[torch.tensor([1, 0, 3, 2])], {}),
    "halve": (lambda a: a * 0.5, {"spikes": "graded"}),
    "squash": (torch.tanh, {"spikes": "analog", "graded": "analog"}),
    "complement": (lambda a: 1 - a, {"graded": "analog"}),
    "pool": (lambda a: F.avg_pool1d(a, 3, 1, 1), {"spikes": "graded"}),
    "largest": (lambda a: F.max_pool1d(a, 3, 1, 1), {"graded": "analog"}),
}
TWO: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[set[str]], str]]] = {
    "add": (torch.add, lambda kinds: "analog" if "analog" in kinds else "graded"),
    "and": (torch.mul, lambda kinds: _weakest(kinds)),
    "or": (torch.maximum, lambda kinds: "spikes" if kinds == {"spikes"} else "analog"),
    "same": (lambda a, b: (a == b).float(), lambda kinds: "spikes"),
    "join": (lambda a, b: torch.cat((a[:2], b[2:])), lambda kinds: _weakest(kinds)),
    "choose": (lambda a, b: torch.where(a > 0, a, b), lambda kinds: _chosen(kinds)),
}


def _weakest(kinds: set[str]) -> str:
    return next(k for k in ("analog", "graded", "spikes") if k in kinds)


def _chosen(kinds: set[str]) -> str:
    return "spikes" if kinds == {"spikes"} else "analog"


def program(d: Draw) -> Built:
    """Steps over a pool of [4, 6] tensors; what a product meets is known from the steps alone."""
    kinds = {"x": "analog"}
    steps: list[Step] = []
    met: list[str] = []
    for n in range(40):
        new, a, b = f"t{n % 9}", d.choice(list(kinds)), d.choice(list(kinds))
        what = d.choice(("one", "one", "two", "two", "product", "delete", "overwrite"))
        spikes = [name for name, kind in kinds.items() if kind == "spikes"]
        if what in ("one", "two", "product") and spikes and d.random() < 0.5:
            a, b = d.choice(spikes), d.choice(spikes)
        if what == "one":
            name = d.choice(("compare", *ONE))
            steps.append(_assign(new, ONE[name][0], a))
            kinds[new] = ONE[name][1].get(kinds[a], kinds[a])
        elif what == "two":
            name = d.choice(list(TWO))
            steps.append(_assign(new, TWO[name][0], a, b))
            kinds[new] = TWO[name][1]({kinds[a], kinds[b]})
        elif what == "product":
            met.append(kinds[a])
            steps.append(_product(new, a))
            kinds[new] = "analog"
        elif what == "overwrite":
            steps.append(_overwrite(new, a))
            kinds[new] = kinds[a]
        elif a != "x":
            steps.append(_delete(a))
            del kinds[a]
    met.append(kinds["x"])
    steps.append(_product("y", "x"))
    net = Net(_run(steps), w=nn.Parameter(torch.randn(6, 6)))
    return Built(net, (torch.randn(4, 6),), {"w": met})


def _run(steps: list[Step]) -> Callable[[Any, Tensor], list[Tensor]]:
    def body(m: Any, x: Tensor) -> list[Tensor]:
        pool = {"x": x}
        for step in steps:
            step(m, pool)
        return list(pool.values())

    return body


def _assign(new: str, function: Callable[..., Tensor], *names: str) -> Step:
    def step(_: Any, pool: dict[str, Tensor]) -> None:
        pool[new] = function(*(pool[name] for name in names))

    return step


def _product(new: str, name: str) -> Step:
    def step(m: Any, pool: dict[str, Tensor]) -> None:
        pool[new] = F.linear(pool[name], m.w)

    return step


def _overwrite(new: str, name: str) -> Step:
    """A buffer that is filled in place twice, the second time with what counts."""

    def step(_: Any, pool: dict[str, Tensor]) -> None:
        buffer = torch.full_like(pool[name], 0.3)
        buffer.copy_(pool["x"])
        buffer.copy_(pool[name])
        pool[new] = buffer

    return step


def _delete(name: str) -> Step:
    def step(_: Any, pool: dict[str, Tensor]) -> None:
        del pool[name]

    return step
