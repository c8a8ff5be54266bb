"""Every combination of options against an independent float64 reference."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from neuron_cases import SPELLINGS, VARIANT_IDS, VARIANTS, WIDTHS, assert_close, gradients, pair

RESETS: dict[str, float | None] = {"to 0": 0.0, "to 0.2": 0.2, "soft": None}
FORMS = {"dense": (3,), "channels": (3, 2, 1)}


@pytest.mark.parametrize("form", [*FORMS, "recurrent"])
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize(("kind", "options"), VARIANTS, ids=VARIANT_IDS)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_outputs_and_gradients(
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    kind: str,
    options: dict[str, Any],
    reset: str,
    form: str,
) -> None:
    monkeypatch.setenv("LIAFBENCH_KERNEL", "portable")
    generator = torch.Generator().manual_seed(7)
    shape = FORMS.get(form, (3,))
    for spelling, sharing, surrogate, detach, learnable in itertools.product(
        SPELLINGS, ("all", "channel", "neuron"), WIDTHS, (False, True), (False, True)
    ):
        if sharing == "neuron" and form != "channels":
            continue  # the same as per channel
        if sharing != "all" and spelling != "alpha":
            continue  # a time constant is one number
        neuron, oracle = pair(
            kind,
            options,
            engine=engine,
            shape=shape,
            v_reset=RESETS[reset],
            spelling=spelling,
            sharing=sharing,
            surrogate=surrogate,
            detach_reset=detach,
            learnable=learnable,
            recurrent=form == "recurrent",
        )
        x = torch.randn(4, 2, *shape, generator=generator, requires_grad=True)
        weight = torch.randn(x.shape, generator=generator)
        agree(neuron, oracle, x, weight, f"{spelling}, {sharing}, {surrogate}, {detach}")


def agree(neuron: Any, oracle: Any, x: torch.Tensor, weight: torch.Tensor, what: str) -> None:
    exact = x.detach().double().requires_grad_()
    y, expected = neuron(x), oracle.run(exact)
    if neuron.output_kind == "spikes":
        assert torch.equal(y.double(), expected), what
    else:
        torch.testing.assert_close(y.double(), expected, atol=1e-6, rtol=1e-6, msg=what)
    (y * weight).sum().backward()
    (expected * weight.double()).sum().backward()
    assert x.grad is not None
    assert_close(x.grad, exact.grad, 1e-5, f"{what}: x")
    for name, (mine, theirs) in gradients(neuron, oracle).items():
        terms = exact.grad.abs().max().item()
        assert_close(mine, theirs, 1e-5, f"{what}: {name}", floor=terms)
