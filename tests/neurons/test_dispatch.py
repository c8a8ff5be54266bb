"""Modes, profilers, tracers and compilers see the operators of a layer, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from liafbench.baselines.layers.pooling import AveragePool2x2
from liafbench.baselines.neurons import KLIF, LIAF, LIF


class Seen(TorchDispatchMode):
    """Writes down the operators of this library."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "liafbench":
            self.names.append(func._opname)
        return func(*args, **(kwargs or {}))


class Pooled(nn.Module):
    """Frames of the size that the compiled pooling takes."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = AveragePool2x2()

    def forward(self, x: Tensor) -> Tensor:
        wide = x.repeat(1, 1, 32 * 1024 // x[0].numel()).reshape(len(x), 1, 32, -1)
        pooled: Tensor = self.pool(wide)
        return pooled


LAYERS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "lif": (LIF, "neuron"),
    "liaf": (lambda: LIAF(learnable=("alpha", "v_threshold")), "neuron"),
    "klif": (KLIF, "neuron"),
    "recurrent": (lambda: LIF(recurrent=4), "neuron_recurrent"),
    "pooling": (Pooled, "average_pool"),
}


def both_ways(
    layer: nn.Module, forth: AbstractContextManager, back: AbstractContextManager
) -> list[Tensor]:
    """The output and all gradients."""
    x = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(3)).requires_grad_()
    with forth:
        y = layer(x)
    with back:
        grads = torch.autograd.grad(y, [x, *layer.parameters()], torch.ones_like(y))
    return [y.detach(), *grads]


@pytest.mark.parametrize("name", LAYERS)
def test_dispatch_modes_see_the_operators_and_change_no_bit(name: str) -> None:
    make, operator = LAYERS[name]
    torch.manual_seed(1)
    layer = make()
    forth, back = Seen(), Seen()
    watched = both_ways(layer, forth, back)
    assert forth.names == [operator]
    assert back.names == [f"{operator}_backward"]
    alone = both_ways(layer, nullcontext(), nullcontext())
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(alone, watched, strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_without_gradients_a_mode_sees_the_operator_too(name: str) -> None:
    make, operator = LAYERS[name]
    seen = Seen()
    with torch.no_grad(), seen:
        make()(torch.randn(3, 2, 4))
    # In inference the pooling is PyTorch's.
    assert seen.names == ([] if operator == "average_pool" else [operator])


@pytest.mark.parametrize("name", LAYERS)
def test_profilers_name_the_operators(name: str) -> None:
    make, operator = LAYERS[name]
    with torch.autograd.profiler.profile() as profile:
        both_ways(make(), nullcontext(), nullcontext())
    named = {event.name for event in profile.function_events}
    assert {f"liafbench::{operator}", f"liafbench::{operator}_backward"} <= named


@pytest.mark.parametrize("name", LAYERS)
def test_fake_tensors_pass(name: str) -> None:
    with FakeTensorMode() as mode:
        layer = LAYERS[name][0]()
        x = mode.from_tensor(torch.randn(3, 2, 4)).requires_grad_()
        (grad,) = torch.autograd.grad(layer(x).sum(), x)
    assert grad.shape == x.shape


@pytest.mark.parametrize("name", ["lif", "liaf", "klif", "recurrent"])
def test_there_is_no_second_derivative(name: str) -> None:
    layer = LAYERS[name][0]()
    x = torch.randn(3, 2, 4, requires_grad=True)
    (grad,) = torch.autograd.grad(layer(x).pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(grad.sum(), x)


NEURONS = ["lif", "liaf", "klif", "recurrent"]


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", NEURONS)
def test_compiled_inference_is_one_graph(name: str, without: Callable[[], Any]) -> None:
    layer = LAYERS[name][0]()
    x = torch.randn(3, 2, 4)
    with without():
        compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
        assert torch.equal(compiled(x), layer(x))


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_may_come_in_batches(name: str) -> None:
    layer = LAYERS[name][0]()
    x = torch.randn(3, 2, 4, requires_grad=True)
    y = layer(x)
    grads = torch.randn(2, *y.shape)
    (together,) = torch.autograd.grad(y, x, grads, is_grads_batched=True, retain_graph=True)
    apart = [torch.autograd.grad(y, x, grad, retain_graph=True)[0] for grad in grads]
    assert torch.equal(together, torch.stack(apart))


@pytest.mark.parametrize("name", NEURONS)
def test_lazy_negatives_are_values(name: str) -> None:
    layer = LAYERS[name][0]()
    x, grad = torch.randn(3, 2, 4, requires_grad=True), torch.randn(3, 2, 4)
    lazily = torch.autograd.grad(layer(x), x, torch._neg_view(-grad))
    assert torch.equal(*lazily, *torch.autograd.grad(layer(x), x, grad))
    with torch.no_grad():
        assert torch.equal(layer(torch._neg_view(-x.detach())), layer(x))


def test_currents_on_the_meta_device_pass() -> None:
    assert LIF()(torch.randn(3, 2, 4, device="meta", requires_grad=True)).is_meta


def test_a_traced_graph_before_dispatch_names_the_operator() -> None:
    graph = make_fx(LIF(), pre_dispatch=True)(torch.randn(3, 2, 4))
    assert torch.ops.liafbench.neuron.default in [node.target for node in graph.graph.nodes]
