"""Compiled average pooling against PyTorch's, bit by bit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, library
from torch.fx.experimental.proxy_tensor import make_fx

from liafbench.baselines import build
from liafbench.baselines.layers import pooling
from liafbench.baselines.layers.pooling import AveragePool2x2
from liafbench.baselines.neurons import LIF
from liafbench.baselines.neurons.kernels import KernelFallback, cpu_build

LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


@pytest.fixture(autouse=True)
def small_frames_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "LEAST", 1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """The shapes that took the compiled way."""
    seen: list[torch.Size] = []
    call = pooling._call

    def noted(source: Tensor, target: Tensor, frames: Tensor) -> pooling._Pooling:
        if source is frames:
            seen.append(frames.shape)
        return call(source, target, frames)

    monkeypatch.setattr(pooling, "_call", noted)
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


def test_second_derivatives_are_those_of_pytorch() -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    found = []
    for pool in (AveragePool2x2(), lambda t: F.avg_pool2d(t, 2)):
        (grad,) = torch.autograd.grad(pool(x).pow(3).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(grad.square().sum(), x)[0])
    assert torch.equal(*found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_opcheck(layout: str) -> None:
    x = torch.randn(2, 3, 8, 9).contiguous(memory_format=LAYOUTS[layout]).requires_grad_()
    library.opcheck(torch.ops.liafbench.average_pool.default, (x,))
    grad_y = torch.randn(2, 3, 4, 4, requires_grad=True)
    backward = torch.ops.liafbench.average_pool_backward.default
    library.opcheck(backward, (grad_y, 8, 9, layout == "channels last"))


def squares(x: Tensor) -> Tensor:
    return AveragePool2x2()(x).square().sum()


def test_a_trace_of_a_training_step_has_the_operators() -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    traced = make_fx(lambda t: torch.autograd.grad(squares(t), t)[0])(x)
    (expected,) = torch.autograd.grad(squares(x), x)
    assert torch.equal(traced(2 * x), 2 * expected)
    called = {str(node.target) for node in traced.graph.nodes}
    assert {"liafbench.average_pool.default", "liafbench.average_pool_backward.default"} <= called


def test_transforms_of_functions_take_the_operator_of_pytorch(calls: list[torch.Size]) -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    (expected,) = torch.autograd.grad(squares(x), x)
    calls.clear()
    assert torch.equal(torch.func.grad(squares)(x.detach()), expected)
    assert not calls


def test_on_the_meta_device_it_keeps_as_little_as_on_the_processor() -> None:
    """Sizes are planned from shapes alone: PyTorch's pooling keeps its input, this one nothing."""
    for device in ("cpu", "meta"):
        saved: list[torch.Size] = []
        x = torch.zeros(2, 3, 8, 9, device=device, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(lambda t, s=saved: s.append(t.shape), id):
            y = AveragePool2x2()(x)
        assert (y.shape, saved) == ((2, 3, 4, 4), [])


def test_the_default_device_does_not_matter() -> None:
    net = torch.nn.Sequential(AveragePool2x2(), LIF(learnable=("alpha",)))
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with torch.device("meta"):
        net(x).sum().backward()
    assert x.grad is not None
    assert x.grad.device.type == "cpu"


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "PARALLEL_FROM", 1)
    x, found = torch.randn(5, 3, 16, 16), []
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        found.append(both(x)[0])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    cpu_build.clear_cache()
    yield
    monkeypatch.undo()
    cpu_build.clear_cache()


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_pytorch_does_it_and_it_is_said() -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert torch.equal(AveragePool2x2()(x), F.avg_pool2d(x, 2))
    said = [str(w.message) for w in caught if w.category is KernelFallback]
    assert len(said) == 1
    assert "average pooling" in said[0]


def test_the_portable_kernel_forced_needs_no_compiler(
    force_kernel: Callable[[str | None], None], calls: list[torch.Size]
) -> None:
    force_kernel("portable")
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    assert torch.equal(AveragePool2x2()(x), F.avg_pool2d(x, 2))
    assert not calls


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
