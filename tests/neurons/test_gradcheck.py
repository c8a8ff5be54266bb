"""With the step replaced by the surrogate's primitive, the surrogate gradient is the gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from neuron_cases import WIDTHS
from torch import Tensor

from liafbench.baselines.neurons import operators, reference, surrogates
from liafbench.baselines.neurons.step import Step

OUTPUTS = [("spike", False), ("relu", False), ("selu", True), ("leaky_relu", True)]
OUTPUTS += [("identity", False)]


@pytest.fixture
def smooth(monkeypatch: pytest.MonkeyPatch, force_kernel: Callable[[str | None], None]) -> None:
    """Puts the primitive in the place of the step; only eager kernels take part."""

    def fire(u: Tensor, surrogate: str, width: float, out: Tensor | None = None) -> Tensor:
        soft = surrogates.primitive(u, surrogate, width)
        return soft if out is None else out.copy_(soft)

    monkeypatch.setattr(surrogates, "fire", fire)
    force_kernel("portable")


def steps(klif: bool) -> list[Step]:
    """Every combination of reset, surrogate, output and, with KLIF, scale_reset."""
    product = itertools.product((0.0, 0.2, None), WIDTHS, OUTPUTS, (False, True)[: 1 + klif])
    return [
        Step(
            gain=0.8,
            v_reset=v_reset,
            surrogate=surrogate,
            width=WIDTHS[surrogate],
            output=output,
            threshold_related=related,
            klif=klif,
            scale_reset=scale,
        )
        for v_reset, surrogate, (output, related), scale in product
    ]


def inputs(klif: bool, recurrent: bool) -> list[Any]:
    generator = torch.Generator().manual_seed(3)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    def constant(value: Any) -> Tensor:
        return torch.tensor(value, dtype=torch.float64, requires_grad=True)

    k = constant(1.4) if klif else None
    weights = [random(2, 2)] if recurrent else []
    return [
        random(3, 1, 2),
        *weights,
        constant([0.7, 0.3]),
        constant(0.1),
        constant([0.45, 0.6]),
        k,
    ]


@pytest.mark.usefixtures("smooth")
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("klif", [False, True])
def test_the_backward_pass_is_the_derivative_of_the_smooth_forward_pass(
    klif: bool, recurrent: bool
) -> None:
    operator = operators.neuron_recurrent if recurrent else operators.neuron
    for step in steps(klif):

        def run(*tensors: Tensor, spec: str = step.spec) -> Tensor:
            return operator(*tensors, spec)

        assert torch.autograd.gradcheck(run, inputs(klif, recurrent), fast_mode=True), step


@pytest.mark.usefixtures("smooth")
def test_the_smooth_forms_of_operator_and_definition_are_one() -> None:
    for klif, recurrent in itertools.product((False, True), (False, True)):
        for step in steps(klif):
            x, *rest = inputs(klif, recurrent)
            w_rec = rest.pop(0) if recurrent else None
            lead = (x,) if w_rec is None else (x, w_rec)
            operator = operators.neuron if w_rec is None else operators.neuron_recurrent
            y = operator(*lead, *rest, step.spec)
            softly = _smooth_reference(x, rest, step, w_rec)
            torch.testing.assert_close(y, softly, rtol=1e-12, atol=1e-12)


def _smooth_reference(x: Tensor, rest: list[Any], step: Step, w_rec: Tensor | None) -> Tensor:
    return reference.run(x, *rest, step, w_rec)


@pytest.mark.parametrize("surrogate", WIDTHS)
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.9])
def test_the_derivative_is_that_of_the_primitive_and_its_area_is_one(
    surrogate: str, scale: float
) -> None:
    width = WIDTHS[surrogate] * scale
    u = torch.linspace(-3, 3, 1201, dtype=torch.float64) + 1e-4
    u.requires_grad_()
    (expected,) = torch.autograd.grad(surrogates.primitive(u, surrogate, width).sum(), u)
    assert torch.allclose(surrogates.derivative(u.detach(), surrogate, width), expected, atol=1e-9)
    far = torch.tensor([-1e6, 1e6], dtype=torch.float64)
    ends = surrogates.primitive(far, surrogate, width)
    assert torch.allclose(ends, torch.tensor([0.0, 1.0], dtype=torch.float64), atol=1e-6)


def test_the_default_surrogates_have_the_documented_values() -> None:
    """By hand: rect 1 within 0.5, triangle 1 - |u|, sigmoid 4/4 and atan 2/2 at 0."""
    at = torch.tensor([-0.6, -0.4, 0.0, 0.4, 0.6])

    def values(name: str) -> list[float]:
        return surrogates.derivative(at, name, surrogates.DEFAULT_WIDTHS[name]).tolist()

    assert values("rect") == [0, 1, 1, 1, 0]
    assert values("triangle") == pytest.approx([0.4, 0.6, 1.0, 0.6, 0.4])
    assert values("sigmoid")[2] == pytest.approx(1.0)
    assert values("atan")[2] == pytest.approx(1.0)
