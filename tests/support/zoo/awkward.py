"""Networks that run, and that a counter finds awkward: what it must say of each.

`right`: the counts, where it is counted. `reason`: a pattern of the refusal, where it is refused.
Both where either will do; a case with one of them must do that.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from support.zoo.case import Net
from torch import Tensor, nn

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0)) + 0.1
DENSE = {"mac_dense": 24, "mac_effective": 24, "weights": 8}  # one Linear(4, 2) of three rows
OUT = "sight|torch cannot see|not see|outside"


@dataclass(frozen=True)
class Awkward:
    """A forward, parts, inputs, and what is right."""

    body: Callable[..., Any]
    right: dict[str, float] | None = None
    reason: str | None = None
    parts: Callable[[], dict[str, Any]] = dict
    inputs: tuple[Any, ...] = (X,)
    linear: bool = True
    wrap: Callable[[nn.Module], nn.Module] = field(default=lambda net: net)

    def build(self) -> nn.Module:
        layer = {"a": nn.Linear(4, 2)} if self.linear else {}
        return self.wrap(Net(self.body, **layer, **self.parts()))


def of(extra: int = 0, **columns: float) -> dict[str, float]:
    """One Linear(4, 2) of three rows and `extra` elementwise operations."""
    return DENSE | {"elementwise": extra} | columns


class Plain(torch.Tensor):
    """A subclass that changes nothing."""


class Stubborn:
    """What refuses to be copied."""

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("cannot copy this")


@torch.library.custom_op("zoo::twice", mutates_args=())
def twice(x: Tensor) -> Tensor:
    return x * 2


@twice.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


@torch.jit.script
def scripted(x: Tensor) -> Tensor:
    if bool(x.sum() > 0):
        x = x * 2.0
    return x


def applied(m: Any, x: Any) -> Any:
    return m.a(x)


def made_in_forward(m: Any, x: Tensor) -> Tensor:
    if not hasattr(m, "late"):
        m.late = nn.Linear(4, 2)
    return m.late(x)


def replaced_in_forward(m: Any, x: Tensor) -> Tensor:
    m.a = nn.Linear(4, 2)
    return m.a(x)


def parameter_in_forward(m: Any, x: Tensor) -> Tensor:
    m.w = nn.Parameter(torch.rand(2, 4))
    return F.linear(x, m.w)


def views_of_views(m: Any, x: Tensor) -> Tensor:
    y = torch.zeros(3, 8)
    v = y[:, 2:6][:, ::2]
    v.copy_(x[:, :2])
    v[:, 0].add_(1)
    return m.a(y[:, 2:6])


def decaying(m: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        m.a.weight.mul_(0.9)
    return m.a(x)


def gradient_inside(m: Any, x: Tensor) -> Tensor:
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        (g,) = torch.autograd.grad(m.a(x).sum(), x)
    return g


def on_threads(m: Any, x: Tensor) -> Tensor:
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(m.a, [x, x * 2]))


def on_threads_without_gradients(m: Any, x: Tensor) -> Tensor:
    """Modes belong to a thread: what runs here is seen by nobody."""
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(torch.inference_mode()(lambda y: F.linear(y, m.w)), [x, x * 2]))


def packed_by_length(m: Any, x: Tensor, lengths: Tensor) -> Tensor:
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    return nn.utils.rnn.pad_packed_sequence(m.lstm(packed)[0])[0]


def out_arguments(m: Any, x: Tensor) -> Tensor:
    out = torch.empty(3, 2)
    torch.mm(x, m.w, out=out)
    torch.add(out, 1, out=out)
    return out


def tuple_from_a_hook(m: Any, x: Tensor) -> Tensor:
    first, second = m.a(x)
    return first + second


def with_hook(hook: Callable[..., Any], **options: Any) -> Callable[[Any], nn.Module]:
    def wrap(net: Any) -> nn.Module:
        net.a.register_forward_hook(hook, **options)
        return net

    return wrap


def buffer(tensor: Tensor) -> Callable[[], dict[str, Any]]:
    return lambda: {"w": nn.Parameter(tensor, requires_grad=False)}


def compiled(x: Tensor) -> Tensor:
    return x.relu() * 2


SPARSE = (torch.rand(5, 4, generator=torch.Generator().manual_seed(1)) > 0.5).float()
NONZERO = int(SPARSE.sum())
CASES: dict[str, Awkward] = {
    # Out of torch's sight
    "numpy": Awkward(lambda m, x: m.a(torch.from_numpy(np.tanh(x.numpy()))), None, OUT),
    "dlpack": Awkward(lambda m, x: m.a(torch.from_dlpack(x)), of(), OUT),
    "threads": Awkward(on_threads, None, "thread|by itself|" + OUT),
    "threads without gradients": Awkward(on_threads_without_gradients, None, "thread|" + OUT,
                                         buffer(torch.ones(2, 4)), linear=False),
    # Values that steer
    "item": Awkward(lambda m, x: m.a(x * x.max().item()), of(11 + 12)),
    "branch": Awkward(lambda m, x: m.a(x) if x.sum() > 0 else x, of(11 + 1)),
    "assertions": Awkward(lambda m, x: m.a(x) if torch.isfinite(x).all() else None, of()),
    "rows by a mask": Awkward(lambda m, x: m.a(x[x[:, 0] > 0]), of(3)),
    # What comes out
    "a float": Awkward(lambda m, x: float(m.a(x).sum()), of(5)),
    "a nest": Awkward(lambda m, x: {"y": [m.a(x), None, ("text", 3)]}, of()),
    "its input": Awkward(lambda m, x: x, {"mac_dense": 0, "elementwise": 0}, linear=False),
    "tuple from a hook": Awkward(tuple_from_a_hook, of(12), wrap=with_hook(
        lambda m, i, o: (o, o * 2))),
    "dict from a hook": Awkward(lambda m, x: m.a(x)["y"], of(6), wrap=with_hook(
        lambda m, i, o: {"y": o.relu()})),
    "hook with keywords": Awkward(applied, of(6), wrap=with_hook(
        lambda m, a, k, o: o * 2, with_kwargs=True)),
    # Networks that change themselves
    "layer made in forward": Awkward(made_in_forward, DENSE, linear=False),
    "layer replaced in forward": Awkward(replaced_in_forward, DENSE),
    "parameter made in forward": Awkward(parameter_in_forward, DENSE, linear=False),
    "weight decays in place": Awkward(decaying, of()),
    "data replaced": Awkward(lambda m, x: setattr(m.a.weight, "data", m.a.weight.data * 2)
                             or m.a(x), of()),
    "views of views": Awkward(views_of_views, of(3, mac_effective=12)),
    "input in place": Awkward(lambda m, x: m.a(x.mul_(2)), of(12)),
    "out arguments": Awkward(out_arguments, of(6), linear=False, parts=buffer(torch.ones(4, 2))),
    "deep copy inside": Awkward(lambda m, x: m.a(copy.deepcopy(x)), of()),
    "history": Awkward(lambda m, x: m.seen.append(m.a(x)) or m.seen[-1], of(), parts=lambda: {
        "seen": []}),
    # What cannot be copied
    "lock": Awkward(applied, of(), "lock", parts=lambda: {"lock": threading.Lock()}),
    "generator": Awkward(applied, of(), "items", parts=lambda: {"items": (i for i in ())}),
    "module of Python": Awkward(applied, of(), "numpy", parts=lambda: {"numpy": np}),
    "own copy fails": Awkward(applied, of(), "held", parts=lambda: {"held": Stubborn()}),
    "refers to itself": Awkward(applied, of(), wrap=lambda net: setattr(net, "me", [net]) or net),
    # Kinds of tensors
    "subclass": Awkward(applied, of(), inputs=(X.as_subclass(Plain),)),
    "inference input": Awkward(applied, of(), inputs=(torch.inference_mode()(X.clone)(),)),
    "input in a graph": Awkward(applied, of(), inputs=(X.clone().requires_grad_() * 2,)),
    "expanded input": Awkward(applied, of(), inputs=(X[:1].expand(3, 4),)),
    "bools": Awkward(lambda m, x: m.a(x.float()), of(), inputs=(X > 0,)),
    "complex": Awkward(lambda m, x: m.c(x), {"mac_dense": 4 * 24}, linear=False, parts=lambda: {
        "c": nn.Linear(4, 2, dtype=torch.complex64)}, inputs=(torch.complex(X, X),)),
    "strided nested": Awkward(applied, None, "[Nn]ested",
                              inputs=(torch.nested.nested_tensor([X, X[:2]]),)),
    "jagged nested": Awkward(applied, None, "[Nn]ested", inputs=(
        torch.nested.nested_tensor([X, X[:2]], layout=torch.jagged),)),
    "sparse input": Awkward(lambda m, x: torch.sparse.mm(x, m.w), {"mac_effective": 2 * NONZERO},
                            "[Ss]parse", buffer(torch.ones(4, 2)), (SPARSE.to_sparse(),), False),
    "sparse rows as input": Awkward(lambda m, x: x @ m.w, {"mac_effective": 2 * NONZERO},
                                    "[Ss]parse", buffer(torch.ones(4, 2)),
                                    (SPARSE.to_sparse_csr(),), False),
    "sparse weight": Awkward(lambda m, x: torch.sparse.mm(m.w, x.t()),
                             {"mac_effective": 3 * NONZERO}, "[Ss]parse",
                             buffer(SPARSE.to_sparse()), linear=False),
    "sparse rows as weight": Awkward(lambda m, x: m.w @ x.t(), {"mac_effective": 3 * NONZERO},
                                     "[Ss]parse", buffer(SPARSE.to_sparse_csr()), linear=False),
    "sparse inside": Awkward(lambda m, x: torch.sparse.mm(x.to_sparse(), m.a.weight.t()),
                             {"mac_effective": 24}, "[Ss]parse"),
    # Ways to run
    "operator without a formula": Awkward(lambda m, x: m.a(twice(x)), of(12), "zoo::twice"),
    "scripted function": Awkward(lambda m, x: m.a(scripted(x)), of(11 + 1 + 12), "scripted"),
    "compiled function": Awkward(lambda m, x: m.a(torch.compile(compiled)(x)), of(24)),
    "compiled in place": Awkward(applied, of(), wrap=lambda net: net.compile() or net),
    "gradient inside": Awkward(gradient_inside, {"mac_dense": 48}, "gradient|autograd|backward"),
    "condition": Awkward(lambda m, x: torch.cond(x.sum() > 0, m.a, m.a, (x,)), of(12), "cond"),
    "lengths of packed rows": Awkward(
        packed_by_length, {"mac_dense": 8 * 12 * 7}, linear=False, parts=lambda: {
            "lstm": nn.LSTM(4, 3)}, inputs=(torch.rand(5, 2, 4), torch.tensor([3, 5]))),
    "fork and wait": Awkward(lambda m, x: torch.jit.wait(torch.jit.fork(m.a, x)), of()),
    "bits as another type": Awkward(lambda m, x: m.a(x.view(torch.int32).view(torch.float32)),
                                    of()),
    "fake quantisation": Awkward(
        lambda m, x: m.a(torch.fake_quantize_per_tensor_affine(x, 0.1, 0, -128, 127)), DENSE),
    "padded rows": Awkward(lambda m, x: m.a(nn.utils.rnn.pad_sequence([x, x[:2]])),
                           {"mac_dense": 48, "mac_effective": 40}),
    "losses": Awkward(lambda m, x: F.cross_entropy(m.a(x), torch.tensor([0, 1, 0])), DENSE),
}  # fmt: skip
