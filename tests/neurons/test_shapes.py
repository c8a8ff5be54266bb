"""Random shapes, layouts and types against the float64 reference, with the kernel in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neuron_cases import VARIANTS, WIDTHS, assert_close, gradients, laid_out, pair
from torch import Tensor

LAYOUTS = ("contiguous", "channels_last", "transposed", "sliced", "repeated over time")
KERNELS = ("auto", "portable")


cases = st.fixed_dictionaries(
    {
        "sizes": st.tuples(*(st.sampled_from([1, 2, 3, 5, 7]) for _ in range(5))),
        "layout": st.sampled_from(LAYOUTS),
        "variant": st.sampled_from(VARIANTS),
        "v_reset": st.sampled_from([0.0, 0.2, None]),
        "sharing": st.sampled_from(["all", "channel", "neuron"]),
        "surrogate": st.sampled_from(sorted(WIDTHS)),
        "detach_reset": st.booleans(),
        "learnable": st.booleans(),
        "seed": st.integers(0, 2**16),
    }
)


def built(case: dict[str, Any], **more: Any) -> tuple[Any, Any, Tensor]:
    """The neuron, the oracle and the currents of a drawn case."""
    kind, options = case["variant"]
    names = ("v_reset", "sharing", "surrogate", "detach_reset", "learnable")
    neuron, oracle = pair(
        kind, options, shape=case["sizes"][2:], **{n: case[n] for n in names}, **more
    )
    generator = torch.Generator().manual_seed(case["seed"])
    x = torch.randn(case["sizes"], generator=generator)
    return neuron, oracle, laid_out(x, case["layout"])


ordinary = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("kernel", KERNELS)
@ordinary
@given(case=cases)
def test_float32(
    force_kernel: Callable[[str | None], None], kernel: str, case: dict[str, Any]
) -> None:
    force_kernel(kernel)
    neuron, oracle, x = built(case)
    before = x.clone()
    x = x.requires_grad_()
    exact = x.detach().double().requires_grad_()
    y, expected = neuron(x), oracle.run(exact)
    _hold(y, expected, oracle, atol=1e-6)
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    (grad,) = torch.autograd.grad((y * weight).sum(), x, retain_graph=True)
    (y * weight).sum().backward(inputs=list(neuron.parameters()) or [x])
    (expected * weight.double()).sum().backward()
    assert exact.grad is not None
    assert_close(grad, exact.grad, 1e-5, "x")
    for name, (mine, theirs) in gradients(neuron, oracle).items():
        assert_close(mine, theirs, 1e-5, name, floor=exact.grad.abs().max().item())
    assert torch.equal(x, before), "the input was written to"


@pytest.mark.parametrize("kernel", KERNELS)
@ordinary
@given(case=cases, dtype=st.sampled_from([torch.bfloat16, torch.float16]))
def test_half_precision_input_keeps_a_float32_state(
    force_kernel: Callable[[str | None], None],
    kernel: str,
    case: dict[str, Any],
    dtype: torch.dtype,
) -> None:
    force_kernel(kernel)
    neuron, oracle, x = built(case)
    x = x.to(dtype).requires_grad_()
    exact = x.detach().double().requires_grad_()
    y, expected = neuron(x), oracle.run(exact)
    assert y.dtype == dtype
    rounding = torch.finfo(dtype).eps
    agree = _hold(y, expected.to(dtype), oracle, atol=rounding / 2, rtol=rounding)
    if not agree or oracle.kink < 1e-5:
        return  # rounded currents hit thresholds and kinks: there either side is right
    y.sum().backward()
    expected.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype
    assert_close(x.grad, exact.grad, 4 * rounding, "x")


def _hold(y: Tensor, expected: Tensor, oracle: Any, atol: float, rtol: float = 1e-6) -> bool:
    """Checks the outputs; whether all agree.

    Spikes are equal, but where |U - V_th| < 1e-5, and there a neuron may go its own way from
    then on. Analog outputs are held only where no spike sits at the threshold.
    """
    at_threshold = (torch.stack(oracle.margins).abs() < 1e-5).cumsum(0) > 0
    if oracle.kind == "liaf":
        # An analog output shows a reset one step later.
        at_threshold = torch.cat([at_threshold[:1] & False, at_threshold[:-1]])
    apart = (y.double() - expected.double()).abs() > atol + rtol * expected.double().abs()
    assert not (apart & ~at_threshold).any()
    return not at_threshold.any().item()
