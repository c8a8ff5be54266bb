"""Variants of the step, inputs for them, and the comparison of a kernel with the reference."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from kernel_reference import Answer, answer
from torch import Tensor

from liafbench.baselines.neurons.step import Step

WIDTHS = {"rect": 0.5, "triangle": 1.0, "sigmoid": 4.0, "atan": 2.0}
NEEDS = {
    "x": (True, False, False, False, False),
    "parameters": (False, True, True, True, True),
    "all": (True, True, True, True, True),
}
OPTIONS: dict[str, tuple[Any, ...]] = {
    "output": ("spike", "relu", "selu", "leaky_relu", "identity"),
    "threshold_related": (False, True),
    "v_reset": (0.0, 0.2, None),
    "klif": ("no", "k", "k, scaled"),
    "surrogate": tuple(WIDTHS),
    "detach_reset": (False, True),
    "sharing": ("all", "neuron"),
    "needs": tuple(NEEDS),
    "dtype": (torch.float32, torch.bfloat16),
}
Variant = dict[str, Any]


def every_variant() -> Iterator[Variant]:
    for chosen in itertools.product(*OPTIONS.values()):
        variant = dict(zip(OPTIONS, chosen, strict=True))
        if variant["output"] != "spike" or not variant["threshold_related"]:
            yield variant


def pairwise() -> list[Variant]:
    """Few variants in which every two values of two options meet (greedy, always the same)."""
    left = {
        frozenset([(a, u), (b, v)])
        for a, b in itertools.combinations(OPTIONS, 2)
        for u in OPTIONS[a]
        for v in OPTIONS[b]
        if {(a, u), (b, v)} != {("output", "spike"), ("threshold_related", True)}
    }
    candidates = [(v, _pairs(v)) for v in every_variant()]
    chosen = []
    while left:
        best, pairs = max(
            candidates[:: 1 + len(candidates) // 2000], key=lambda c: len(c[1] & left)
        )
        if not pairs & left:
            best, pairs = max(candidates, key=lambda c: len(c[1] & left))
        chosen.append(best)
        left -= pairs
    return chosen


def _pairs(variant: Variant) -> set[frozenset[tuple[str, Any]]]:
    return {frozenset(pair) for pair in itertools.combinations(variant.items(), 2)}


def name(variant: Variant) -> str:
    return "-".join(str(v).removeprefix("torch.") for v in variant.values())


@dataclass
class Case:
    """Inputs of a kernel and what it should give."""

    step: Step
    x: Tensor
    parameters: tuple[Tensor, Tensor, Tensor, Tensor | None]
    grad_y: Tensor
    expected: Answer
    w_rec: Tensor | None = None

    @property
    def arguments(self) -> tuple[Tensor | None, ...]:
        """Of the kernel, before the step."""
        return (self.x, *(() if self.w_rec is None else (self.w_rec,)), *self.parameters)


def step_of(variant: Variant) -> Step:
    return Step(
        gain=0.8,
        v_reset=variant["v_reset"],
        surrogate=variant["surrogate"],
        width=WIDTHS[variant["surrogate"]],
        output=variant["output"],
        threshold_related=variant["threshold_related"],
        klif=variant["klif"] != "no",
        scale_reset=variant["klif"] == "k, scaled",
        detach_reset=variant["detach_reset"],
        slope=0.1,
    )


def case_of(variant: Variant, shape: tuple[int, ...] = (5, 3, 7), recurrent: bool = False) -> Case:
    """Inputs that keep away from every threshold and kink, so that float32 decides as float64."""
    step = step_of(variant)
    frame = shape[1:] if variant["sharing"] == "neuron" else ()
    for seed in range(50):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(shape, generator=generator).mul_(1.5).to(variant["dtype"])
        grad_y = torch.randn(shape, generator=generator).to(variant["dtype"])
        alpha = 0.2 + 0.7 * torch.rand(frame, generator=generator)
        beta = torch.rand(frame, generator=generator) * (0.0 if step.v_reset is None else 0.2)
        v_threshold = 0.3 + 0.6 * torch.rand(frame, generator=generator)
        parameters = (alpha, beta, v_threshold, torch.tensor(1.3) if step.klif else None)
        w_rec = None
        if recurrent:  # as a layer starts with
            uniform = torch.rand(shape[-1], shape[-1], generator=generator)
            w_rec = (2 * uniform - 1) / shape[-1] ** 0.5
        expected = answer(x, parameters, step, grad_y, w_rec)
        if expected.kink > 2e-6:
            return Case(step, x, parameters, grad_y, expected, w_rec)
    raise AssertionError("no input keeps away from every kink")


NEAREST = 2.0**-8  # what rounding a float32 to the nearest bfloat16 changes at most, relatively
TRUNCATED = 2.0**-7


def check(kernel: Any, case: Case, needs: tuple[bool, ...], bfloat16: float = NEAREST) -> None:
    """The kernel on the case, against the reference; `bfloat16`: its error of rounding.

    Recurrent weights need a gradient where x does.
    """
    needs = (*needs[:4], needs[4] and case.step.klif)
    if case.w_rec is not None:
        needs = (needs[0], *needs)
    assert kernel.refuses(case.x, case.parameters[:3], case.step) is None
    y = kernel.forward(*case.arguments, case.step)
    check_output(y, case, bfloat16)
    gradients = kernel.backward(case.grad_y, *case.arguments, case.step, needs)
    for i, (found, exact) in enumerate(zip(gradients, case.expected.gradients, strict=True)):
        assert (found is not None) == needs[i]
        if found is None or exact is None:
            continue
        like = case.arguments[i]
        assert like is not None
        assert (found.dtype, found.shape) == (like.dtype, like.shape)
        terms = case.expected.gradients[0]
        assert terms is not None
        rounding = bfloat16 if found.dtype == torch.bfloat16 else 1e-5
        # Where a sum cancels, no float32 sum is better than its largest terms allow.
        scale = max(exact.abs().max().item(), terms.abs().max().item())
        off = (found.double() - exact).abs().max().item()
        assert off <= rounding * scale, f"gradient {i} is off by {off:.3g} of {scale:.3g}"


def check_output(y: Tensor, case: Case, bfloat16: float) -> None:
    assert (y.dtype, y.shape) == (case.x.dtype, case.x.shape)
    assert y.stride() == torch.empty_like(case.x).stride()
    if case.step.output == "spike":
        assert torch.equal(y.double(), case.expected.y)
    elif y.dtype == torch.bfloat16:
        torch.testing.assert_close(y.double(), case.expected.y, rtol=bfloat16, atol=1e-6)
    else:
        torch.testing.assert_close(y.double(), case.expected.y, rtol=1e-6, atol=1e-6)
