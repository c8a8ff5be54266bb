"""The CPU kernel gives the same, however the input lies in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from kernel_cases import case_of, check
from torch import Tensor

from liafbench.baselines.neurons import reference
from liafbench.baselines.neurons.kernels import cpu
from liafbench.baselines.neurons.kernels.cpu import Cpu
from liafbench.baselines.neurons.kernels.portable import Portable
from liafbench.baselines.neurons.step import Step

pytestmark = pytest.mark.usefixtures("compiler")

VARIANT = {
    "output": "relu",
    "threshold_related": True,
    "v_reset": 0.2,
    "klif": "k",
    "surrogate": "sigmoid",
    "detach_reset": False,
    "sharing": "neuron",
    "dtype": torch.float32,
}
ALL = (True, True, True, True, True)
STEP = Step(gain=0.8, v_reset=0.2, surrogate="sigmoid", width=4.0, output="relu", klif=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("sharing", ["all", "neuron"])
@pytest.mark.parametrize(
    "shape", [(1, 1), (4, 1), (1, 5), (3, 33), (2, 3, 5, 7), (70, 2, 65), (3, 1, 1, 1), (2, 4097)]
)
def test_odd_sizes(shape: tuple[int, ...], sharing: str, dtype: torch.dtype) -> None:
    check(Cpu(), case_of({**VARIANT, "sharing": sharing, "dtype": dtype}, shape), ALL)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0, 2)])
def test_nothing_to_do(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    given = (torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0), torch.tensor(1.0))
    assert Cpu().forward(x, *given, STEP).shape == shape
    grads = Cpu().backward(x, x, *given, STEP, ALL)
    assert [g.abs().sum().item() for g in grads if g is not None] == [0.0] * 5


def channels_last(x: Tensor) -> Tensor:
    folded = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    return folded.unflatten(0, x.shape[:2])


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "channels_last": channels_last,
    "time inside": lambda x: x.movedim(0, -1).contiguous().movedim(-1, 0),
    "batch first": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "every other": lambda x: torch.stack([x, x], -1).flatten(-2)[..., ::2],
    "part of a batch": lambda x: torch.cat([x, x], 1)[:, : x.shape[1]],
    "every other step": lambda x: torch.stack([x, x], 1).flatten(0, 1)[::2],
}
PARAMETERS = {
    "shared": (),
    "channel": (5, 1, 1),
    "neuron": (5, 4, 3),
    "rows": (4, 1),
    "channel and column": (5, 1, 3),
    "batch": (2, 1, 1, 1),
    "whole frame": (2, 5, 4, 3),
}


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_changes_nothing(layout: str, parameter: str) -> None:
    generator = torch.Generator().manual_seed(3)
    plain = torch.randn(6, 2, 5, 4, 3, generator=generator)
    grad_y = torch.randn(plain.shape, generator=generator)
    size = PARAMETERS[parameter]
    given = (
        torch.rand(size, generator=generator),
        torch.rand(size, generator=generator) / 5,
        torch.rand(size, generator=generator) + 0.3,
        torch.tensor(1.2),
    )
    x = LAYOUTS[layout](plain)
    assert torch.equal(x, plain)
    assert x.stride() != plain.stride() or layout == "plain"
    y = Cpu().forward(x, *given, STEP)
    assert torch.equal(y, Cpu().forward(plain, *given, STEP))
    assert y.stride() == torch.empty_like(x).stride()
    expected = Cpu().backward(grad_y, plain, *given, STEP, ALL)
    for incoming in (grad_y, LAYOUTS[layout](grad_y)):
        found = Cpu().backward(incoming, x, *given, STEP, ALL)
        for mine, theirs in zip(found, expected, strict=True):
            assert mine is not None
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)


def test_one_frame_repeated_over_time_is_not_copied() -> None:
    frame = torch.randn(1, 4, 100)
    given = (torch.tensor(0.5), torch.tensor(0.1), torch.tensor(0.7), torch.tensor(1.2))
    repeated = frame.expand(6, -1, -1)
    assert torch.equal(
        Cpu().forward(repeated, *given, STEP), Cpu().forward(repeated.contiguous(), *given, STEP)
    )
    grad_y = torch.randn(1, 4, 100).expand(6, -1, -1)  # the gradient of a mean over time
    found = Cpu().backward(grad_y, repeated, *given, STEP, ALL)
    expected = Cpu().backward(grad_y.contiguous(), repeated.contiguous(), *given, STEP, ALL)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine is not None
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("columns", [64 * 300, 64 * 300 + 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_threads_and_streaming_change_nothing(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, columns: int
) -> None:
    x, grad_y = torch.randn(4, columns).to(dtype), torch.randn(4, columns).to(dtype)
    given = (torch.rand(columns), torch.tensor(0.1), torch.tensor(0.7), torch.tensor(1.2))
    answers = []
    monkeypatch.setattr(cpu, "_plan", cpu._plan.__wrapped__)  # nothing is kept of either
    for stream_from, parallel_from, threads in ((1, 1, 3), (10**9, 10**9, 1)):
        monkeypatch.setattr(cpu, "STREAM_FROM", stream_from)
        monkeypatch.setattr(cpu, "PARALLEL_FROM", parallel_from)
        monkeypatch.setattr(torch, "get_num_threads", lambda n=threads: n)
        y = Cpu().forward(x, *given, STEP)
        answers.append([y, *Cpu().backward(grad_y, x, *given, STEP, ALL)])
    for mine, theirs in zip(*answers, strict=True):
        # Sums of parameter gradients are split by thread, in double.
        torch.testing.assert_close(mine, theirs, rtol=1e-6 if mine.dim() == 0 else 0, atol=0)


PAGE, CACHE_LINE = 4096, 64  # bytes


def placed(tensor: Tensor, place: int) -> Tensor:
    """A copy of it, so many bytes into a page."""
    size = tensor.element_size()
    room = torch.empty(tensor.numel() + PAGE // size, dtype=tensor.dtype)
    start = (place - room.data_ptr()) % PAGE // size
    return room[start : start + tensor.numel()].view_as(tensor).copy_(tensor)


class Behind:
    """Allocates a result so many bytes further into its page than a tensor, between guards."""

    def __init__(self, tensor: Tensor, ahead: int) -> None:
        self.place, self.guarded = tensor.data_ptr() + ahead, torch.empty(0)

    def __call__(self, frames: Tensor) -> Tensor:
        size = frames.element_size()
        self.guarded = torch.full((frames.numel() + 3 * PAGE // size,), 7.0, dtype=frames.dtype)
        start = (self.place - self.guarded.data_ptr()) % PAGE // size + PAGE // size
        self.inside = slice(start, start + frames.numel())
        return self.guarded[self.inside].view(frames.shape)

    def check_guards(self) -> None:
        self.guarded[self.inside] = 7.0
        assert (self.guarded == 7.0).all()


@pytest.mark.parametrize("lines", [0, 0.5, 1, 2, 3, 3.5, 63])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_results_past_the_caches_may_lie_anywhere(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, lines: float
) -> None:
    columns = 64 * 70  # blocks of 2,048 columns and a rest, in one thread
    ahead = int(lines * CACHE_LINE)
    # Results begin a line, whatever the inputs do.
    x = placed(torch.randn(4, columns).to(dtype), -ahead % CACHE_LINE)
    grad_y = placed(torch.randn(4, columns).to(dtype), -ahead % CACHE_LINE)
    given = (torch.rand(columns), torch.tensor(0.1), torch.tensor(0.7), torch.tensor(1.2))
    y = Cpu().forward(x, *given, STEP)
    grad_x = Cpu().backward(grad_y, x, *given, STEP, ALL)[0]
    assert grad_x is not None
    monkeypatch.setattr(cpu, "_plan", cpu._plan.__wrapped__)
    monkeypatch.setattr(cpu, "STREAM_FROM", 1)
    for behind, call, expected in (
        (Behind(x, ahead), lambda: Cpu().forward(x, *given, STEP), y),
        (Behind(grad_y, ahead), lambda: Cpu().backward(grad_y, x, *given, STEP, ALL)[0], grad_x),
    ):
        monkeypatch.setattr(cpu, "empty_frames", behind)
        assert torch.equal(call(), expected)
        behind.check_guards()


@pytest.mark.parametrize("lines", [0, 1, 61, 63])
def test_no_gradient_of_x_is_written_where_none_is_wanted(
    monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """Wherever dL/dy lies in its page: the address of no tensor is the start of one."""
    x, grad_y = torch.randn(4, 4480), placed(torch.randn(4, 4480), lines * CACHE_LINE)
    given = (torch.rand(4480), torch.tensor(0.1), torch.tensor(0.7), torch.tensor(1.2))
    expected = Cpu().backward(grad_y, x, *given, STEP, ALL)[1:]
    monkeypatch.setattr(cpu, "_plan", cpu._plan.__wrapped__)
    monkeypatch.setattr(cpu, "STREAM_FROM", 1)
    grad_x, *found = Cpu().backward(grad_y, x, *given, STEP, (False, *ALL[1:]))
    assert grad_x is None
    for mine, theirs in zip(found, expected, strict=True):
        assert mine is not None
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)], ids=str)
def test_single_parameters_have_gradients_of_their_shape_and_type(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    """The numbers are exact in bfloat16; the reference is autograd in float64."""
    x, grad_y = torch.randn(5, 4, 33), torch.randn(5, 4, 33)
    numbers = (0.5, 0.125, 0.75, 1.25)
    given = tuple(torch.full(shape, number, dtype=dtype) for number in numbers)
    found = Cpu().backward(grad_y, x, *given, STEP, ALL)
    exact = tuple(torch.full(shape, n, dtype=torch.float64).requires_grad_() for n in numbers)
    y = reference.run(x.double(), *exact, STEP)
    expected = torch.autograd.grad(y, exact, grad_y.double())
    for mine, parameter, theirs in zip(found[1:], given, expected, strict=True):
        assert mine is not None
        assert (mine.shape, mine.dtype) == (parameter.shape, parameter.dtype)
        rtol = 1e-2 if dtype == torch.bfloat16 else 1e-5
        torch.testing.assert_close(mine.double(), theirs, rtol=rtol, atol=1e-4)


def test_a_sum_beyond_float32_is_infinite() -> None:
    x, grad_y = torch.zeros(1, 1, 64), torch.full((1, 1, 64), 1e37)
    given = (torch.tensor(0.5), torch.tensor(2.0), torch.tensor(0.75), torch.tensor(1.25))
    _, _, of_beta, _, of_k = Cpu().backward(grad_y, x, *given, STEP, ALL)
    assert of_beta is not None
    assert of_k is not None
    assert of_beta.item() == of_k.item() == float("inf")


def test_calls_that_differ_in_one_thing_do_not_share_what_is_kept() -> None:
    """Sizes, order in memory, types and how parameters lie, by turns and twice."""
    wide = torch.randn(3, 4, 6, 5, 2)
    number, channel = torch.tensor(0.5), torch.rand(6, 1, 1)
    rest = torch.tensor(0.1), torch.tensor(0.7), torch.tensor(1.2)
    laid_out = wide, wide[:, :2].contiguous(), channels_last(wide), wide[:, :, :, :1], wide[:2]
    # Rows are whole cache lines in float32 alone: what goes past the caches must not be kept.
    large = torch.randn(2, 65536 * 16 + 16)
    cases = [
        (x, alpha, step)
        for x in (*laid_out, wide.bfloat16())
        for alpha in (number, channel)
        for step in (STEP, replace(STEP, gain=0.5))
    ] + [(large, number, STEP), (large.bfloat16(), number, STEP)]
    for x, alpha, step in cases * 2:
        given = x, alpha, *rest, step
        near = {"rtol": 1e-5, "atol": 1e-5}
        near = near if x.dtype == torch.float32 else {"rtol": 1e-2, "atol": 1e-2}
        mine, theirs = (kernel.forward(*given) for kernel in (Cpu(), Portable()))
        torch.testing.assert_close(mine, theirs, **near)
        assert mine.stride() == theirs.stride()
        back, expected = (k.backward(mine, *given, ALL) for k in (Cpu(), Portable()))
        for grad, wanted in zip(back, expected, strict=True):
            torch.testing.assert_close(grad, wanted, **near)


@pytest.mark.parametrize("given", [(1, 1, 1, 5), (2,), (0,)], ids=str)
def test_a_parameter_that_does_not_fit_is_refused(given: tuple[int, ...]) -> None:
    x, one = torch.zeros(3, 5), torch.tensor(1.0)
    with pytest.raises(RuntimeError, match=r"beside frames of shape \(5,\)"):
        Cpu().forward(x, torch.ones(given), one, one, one, STEP)


@pytest.mark.parametrize("surrogate", ["rect", "triangle", "sigmoid", "atan"])
@pytest.mark.parametrize("output", ["spike", "relu", "selu", "leaky_relu", "identity"])
@pytest.mark.parametrize("klif", [False, True])
def test_nan_stays_in_its_column(output: str, surrogate: str, klif: bool) -> None:
    step = Step(v_reset=None, surrogate=surrogate, width=1.0, output=output, klif=klif)
    x = torch.randn(5, 40)
    given = (
        torch.tensor(0.9),
        torch.tensor(0.0),
        torch.tensor(0.7),
        torch.ones(()) if klif else None,
    )
    clean = Cpu().forward(x, *given, step)
    x[1, 7] = float("nan")
    x[1, 9] = float("inf")
    x[1, 10] = -float("inf")
    y = Cpu().forward(x, *given, step)
    others = [i for i in range(40) if i not in (7, 9, 10)]
    assert torch.equal(y[:, others], clean[:, others])
    if output == "spike":
        assert y[1:, 7].eq(0).all()
    else:
        assert y[1:, 7].isnan().all()
    grad_x = Cpu().backward(torch.ones_like(x), x, *given, step, (True, *[False] * 4))[0]
    assert grad_x is not None
    assert grad_x[:, others].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_refuses_other_types(dtype: torch.dtype) -> None:
    given = (torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0))
    reason = Cpu().refuses(torch.zeros(2, 3, dtype=dtype), given, Step())
    assert reason is not None
    assert "not float32 or bfloat16" in reason
