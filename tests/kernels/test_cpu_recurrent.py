"""The compiled recurrent kernel against float64, in its variants, sizes and layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from kernel_cases import NEEDS, Variant, case_of, check, every_variant, name, pairwise
from torch import Tensor

from liafbench.baselines.neurons import LIAF
from liafbench.baselines.neurons.kernels import (
    KernelFallback,
    cpu_build,
    cpu_recurrent,
    select_recurrent,
)
from liafbench.baselines.neurons.kernels.cpu_recurrent import MOST_NEURONS, CpuRecurrent
from liafbench.baselines.neurons.step import Step

pytestmark = pytest.mark.usefixtures("compiler")

ALL = (True, True, True, True, True)
EVERY = (True, *ALL)
STEP = Step(gain=0.8, v_reset=0.2, surrogate="atan", width=2.0, output="relu", klif=True)
VARIANT: Variant = {
    "output": "relu",
    "threshold_related": True,
    "v_reset": 0.2,
    "klif": "k",
    "surrogate": "atan",
    "detach_reset": False,
    "sharing": "neuron",
    "dtype": torch.float32,
}
# The step is the feed-forward kernel's, which is held to every pair of options.
SOME = pairwise()[::3]


@pytest.mark.parametrize("variant", SOME, ids=name)
def test_options(variant: Variant) -> None:
    check(CpuRecurrent(), case_of(variant, recurrent=True), NEEDS[variant["needs"]])


@pytest.mark.soak
@pytest.mark.parametrize("klif", ["no", "k", "k, scaled"])
@pytest.mark.parametrize("output", ["spike", "relu", "selu", "leaky_relu", "identity"])
def test_every_variant(
    output: str, klif: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cpu_build, "cache_folder", lambda: tmp_path)
    for variant in every_variant():
        if (variant["output"], variant["klif"], variant["needs"]) == (output, klif, "all"):
            check(CpuRecurrent(), case_of(variant, recurrent=True), ALL)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("sharing", ["all", "neuron"])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (4, 1, 5), (1, 9, 3), (3, 8, 32), (4, 11, 33), (2, 17, 100), (2, 9, 512)]
)
def test_sizes(shape: tuple[int, ...], sharing: str, dtype: torch.dtype) -> None:
    variant = {**VARIANT, "sharing": sharing, "dtype": dtype}
    check(CpuRecurrent(), case_of(variant, shape, recurrent=True), ALL)


def given(x: Tensor, size: tuple[int, ...] = ()) -> tuple[Tensor, ...]:
    """w_rec, alpha, beta, v_threshold and k."""
    draw = torch.Generator().manual_seed(3)
    units = x.shape[2]
    return (
        torch.randn(units, units, generator=draw) / units**0.5,
        torch.rand(size, generator=draw),
        torch.rand(size, generator=draw) / 5,
        torch.rand(size, generator=draw) + 0.3,
        torch.tensor(1.2),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", [(), (1,), (5,), (3, 1), (3, 5), (1, 5)], ids=str)
def test_parameters_of_any_shape_and_any_layout(size: tuple[int, ...], dtype: torch.dtype) -> None:
    draw = torch.Generator().manual_seed(1)
    x, grad_y = torch.randn(2, 6, 3, 5, generator=draw).unbind(0)
    rest = tuple(p.to(dtype) for p in given(x, size))
    spread = (rest[0], *(p.expand(3, 5).contiguous() for p in rest[1:4]), rest[4])
    y = CpuRecurrent().forward(x, *rest, STEP)
    assert torch.equal(y, CpuRecurrent().forward(x, *spread, STEP))
    found = CpuRecurrent().backward(grad_y, x, *rest, STEP, EVERY)
    expected = CpuRecurrent().backward(grad_y, x, *spread, STEP, EVERY)
    for mine, theirs, like in zip(found, expected, (x, *rest), strict=True):
        assert mine is not None
        assert theirs is not None
        assert mine.dtype == like.dtype
        assert mine.is_contiguous()
        torch.testing.assert_close(mine, theirs.sum_to_size(like.shape), rtol=1e-5, atol=1e-5)
    batch_first = x.transpose(0, 1).contiguous().transpose(0, 1)
    expanded = grad_y[:1].expand(6, 3, 5)
    assert torch.equal(y, CpuRecurrent().forward(batch_first, *rest, STEP))
    for one, other in zip(
        CpuRecurrent().backward(expanded, batch_first, *rest, STEP, EVERY),
        CpuRecurrent().backward(expanded.contiguous(), x, *rest, STEP, EVERY),
        strict=True,
    ):
        assert one is not None
        assert torch.equal(one, other)


@pytest.mark.parametrize("shape", [(0, 2, 3), (4, 0, 2), (4, 2, 0)])
def test_nothing_to_do(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    assert CpuRecurrent().forward(x, *given(x), STEP).shape == shape
    grads = CpuRecurrent().backward(x, x, *given(x), STEP, EVERY)
    assert [g.abs().sum().item() for g in grads if g is not None] == [0.0] * 6


@pytest.mark.parametrize("size", [(), (40,)], ids=str)
def test_threads_and_batch_mates_change_nothing(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, ...]
) -> None:
    monkeypatch.setattr(cpu_recurrent, "PARALLEL_FROM", 1)
    x, grad_y = torch.randn(2, 5, 37, 40).unbind(0)
    rest = given(x, size)
    before = torch.get_num_threads()
    outputs, gradients = [], []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            outputs.append(CpuRecurrent().forward(x, *rest, STEP))
            gradients.append(CpuRecurrent().backward(grad_y, x, *rest, STEP, EVERY))
    finally:
        torch.set_num_threads(before)
    for y, found in zip(outputs[1:], gradients[1:], strict=True):
        assert torch.equal(outputs[0], y)
        assert torch.equal(gradients[0][0], found[0])
        torch.testing.assert_close(found, gradients[0])
    alone = CpuRecurrent().forward(x[:, 20:21], *rest, STEP)
    assert torch.equal(outputs[0][:, 20:21], alone)


def test_an_infinite_output_spoils_no_gradient_that_it_does_not_reach() -> None:
    step = Step(v_reset=0.0, output="identity", detach_reset=True)
    x = torch.full((2, 1, 3), 1e38)
    weights = torch.full((3, 3), 1e38)
    rest = (weights, torch.tensor(0.0), torch.tensor(0.0), torch.tensor(1.0), None)
    assert CpuRecurrent().forward(x, *rest, step)[1].isinf().all()
    grads = CpuRecurrent().backward(torch.zeros(2, 1, 3), x, *rest, step, (True,) * 5 + (False,))
    assert grads[2] is not None
    assert grads[2].item() == 0.0


def test_weights_of_another_shape_are_refused() -> None:
    x = torch.zeros(2, 1, 5)
    with pytest.raises(RuntimeError, match=r"w_rec is \(3, 3\).* x has 5 neurons"):
        CpuRecurrent().forward(x, *given(torch.zeros(2, 1, 3)), STEP)


def test_what_it_refuses_goes_to_the_portable_kernel(
    force_kernel: Callable[[str | None], None],
) -> None:
    force_kernel(None)
    small = torch.zeros(1, 1, MOST_NEURONS)
    assert select_recurrent(small, given(small)[1:4], STEP).name == "cpu"
    large = torch.zeros(1, 1, MOST_NEURONS + 1)
    with pytest.warns(KernelFallback, match="513 recurrent neurons, more than 512"):
        assert select_recurrent(large, given(small)[1:4], STEP).name == "portable"
    force_kernel("triton")  # has no recurrent form
    assert select_recurrent(small, given(small)[1:4], STEP).name == "portable"


def test_a_backward_variant_that_cannot_be_had_is_computed_all_the_same(
    monkeypatch: pytest.MonkeyPatch, force_kernel: Callable[[str | None], None]
) -> None:
    force_kernel(None)
    neuron = LIAF(recurrent=3)
    x = torch.randn(4, 2, 3, requires_grad=True)
    (expected,) = torch.autograd.grad(neuron(x).sum(), x)

    def unavailable(*_: object) -> None:
        raise cpu_build.Unavailable("no compiler any more")

    monkeypatch.setattr(
        "liafbench.baselines.neurons.kernels.cpu_call.recurrent_backward_library", unavailable
    )
    with pytest.warns(KernelFallback, match="recurrent backward pass: no compiler any more"):
        (found,) = torch.autograd.grad(neuron(x).sum(), x)
    torch.testing.assert_close(found, expected)
