"""Compiled average pooling against PyTorch's, bit by bit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines import build
from baselines.layers import pooling
from baselines.layers.pooling import AveragePool2x2
from baselines.neurons.kernels import KernelFallback, cpu_build

LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


@pytest.fixture(autouse=True)
def small_frames_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "LEAST", 1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """The shapes that took the compiled way."""
    seen: list[torch.Size] = []
    apply = pooling._AveragePool.apply

    def noted(x: Tensor) -> Tensor:
        seen.append(x.shape)
        return apply(x)

    monkeypatch.setattr(pooling._AveragePool, "apply", noted)
    return seen


def both(x: Tensor, grad_seed: int = 1) -> list[tuple[Tensor, Tensor]]:
    """Output and gradient, ours and PyTorch's."""
    found = []
    for pool in (AveragePool2x2(), lambda t: F.avg_pool2d(t, 2)):
        leaf = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        y = pool(leaf)
        generator = torch.Generator().manual_seed(grad_seed)
        grad_y = torch.randn(y.shape, generator=generator).to(y.dtype)
        grad_y[0, 0, 0, 0] = -0.0
        found.append((y.detach(), torch.autograd.grad(y, leaf, grad_y)[0]))
    return found


def bits(x: Tensor) -> Tensor:
    return x.contiguous().view(torch.int32 if x.dtype == torch.float32 else torch.int16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "shape", [(3, 8, 34, 34), (2, 16, 17, 9), (1, 1, 2, 3), (2, 3, 5, 66), (2, 24, 6, 5)]
)
def test_bit_by_bit(
    shape: tuple[int, ...], layout: str, dtype: torch.dtype, calls: list[torch.Size]
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = 100 * torch.randn(shape, generator=generator)
    x = x.to(dtype).contiguous(memory_format=LAYOUTS[layout])
    (mine, my_grad), (theirs, their_grad) = both(x)
    assert calls == [x.shape]
    assert torch.equal(bits(mine), bits(theirs))
    assert torch.equal(bits(my_grad), bits(their_grad))
    assert mine.is_contiguous(memory_format=LAYOUTS[layout])
    assert my_grad.is_contiguous(memory_format=LAYOUTS[layout])


def test_infinities_and_nan_stay_in_their_window() -> None:
    x = torch.ones(1, 2, 4, 4)
    x[0, 0, 0, 1], x[0, 0, 0, 2], x[0, 1, 3, 3] = torch.inf, torch.nan, -torch.inf
    (mine, _), (theirs, _) = both(x)
    assert torch.equal(mine.nan_to_num(7.0), theirs.nan_to_num(7.0))
    assert mine[0, 0].flatten().isnan().tolist() == [False, True, False, False]


def test_a_gradient_in_another_layout() -> None:
    x = torch.randn(2, 4, 6, 6, requires_grad=True)
    (grad,) = torch.autograd.grad(AveragePool2x2()(x).sum(), x)  # expanded from one number
    assert torch.equal(grad, torch.full_like(x, 0.25))
    y = AveragePool2x2()(x)
    grad_y = torch.randn(y.shape).contiguous(memory_format=torch.channels_last)
    (grad,) = torch.autograd.grad(y, x, grad_y)
    assert torch.equal(grad, grad_y.div(4).repeat_interleave(2, 2).repeat_interleave(2, 3))


@pytest.mark.parametrize(
    "x",
    [
        torch.randn(2, 3, 8, 8).double().requires_grad_(),
        torch.randn(3, 8, 8).requires_grad_(),
        torch.randn(2, 3, 8, 16)[..., ::2].requires_grad_(),
        torch.randn(2, 3, 8, 8),
    ],
    ids=["float64", "no batch", "strided", "no gradient"],
)
def test_everything_else_is_left_to_pytorch(x: Tensor, calls: list[torch.Size]) -> None:
    assert torch.equal(AveragePool2x2()(x), F.avg_pool2d(x, 2))
    assert not calls


def test_evaluation_takes_the_operator_that_tracers_know(calls: list[torch.Size]) -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    assert torch.equal(AveragePool2x2().eval()(x), F.avg_pool2d(x, 2))
    assert not calls
    with pytest.raises(RuntimeError, match="too small"):
        AveragePool2x2()(torch.randn(2, 3, 1, 8, requires_grad=True))


def test_a_compiled_network_takes_the_operator_that_the_compiler_knows() -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    compiled = torch.compile(AveragePool2x2(), backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(x), F.avg_pool2d(x, 2))


def test_there_is_no_second_derivative() -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    (grad,) = torch.autograd.grad(AveragePool2x2()(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_threads_change_nothing() -> None:
    x, before = torch.randn(5, 3, 16, 16), torch.get_num_threads()
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(both(x)[0])
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    cpu_build.forget()
    pooling._library.cache_clear()
    yield
    monkeypatch.undo()
    cpu_build.forget()
    pooling._library.cache_clear()


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_pytorch_does_it_and_it_is_said() -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert torch.equal(AveragePool2x2()(x), F.avg_pool2d(x, 2))
    said = [str(w.message) for w in caught if w.category is KernelFallback]
    assert len(said) == 1
    assert "average pooling" in said[0]


def test_a_network_trains_the_same_either_way(
    monkeypatch: pytest.MonkeyPatch, calls: list[torch.Size]
) -> None:
    gradients = []
    for least in (1, 2**62):
        monkeypatch.setattr(pooling, "LEAST", least)
        torch.manual_seed(0)
        net = build("liaf-net", "nmnist", "small")
        net(net.backbone.example(batch=2, time_steps=3)).square().sum().backward()
        gradients.append([p.grad for p in net.parameters()])
    assert len(calls) == 2
    for mine, theirs in zip(*gradients, strict=True):
        assert torch.equal(mine, theirs)
