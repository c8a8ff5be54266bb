"""Whether float32 can hold a problem to the bounds that the kernels are held to.

Where a surrogate is near its foot, or a small potential is the difference of large ones, the last
place of float32 moves the results by nearly as much as a kernel may be off. What the equations
themselves hardly pass in float32 says nothing about a kernel: such a problem is drawn again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import torch
from neuron_oracle import Oracle
from torch import Tensor

OUTPUT, GRADIENT = 1e-6, 1e-5
"""What a kernel may be off: outputs absolutely and relatively, gradients against the largest."""
SHARE = 0.5
"""Of what a kernel may be off, the most that float32 may take in the oracle's own equations."""
TRIALS = 2
PARAMETERS = ("alpha", "beta", "v_threshold", "k", "w_rec")


def float32_can(oracle: Oracle, x: Tensor, grad_y: Tensor, results: Sequence[Tensor]) -> bool:
    """Whether the oracle stays within SHARE when it computes in float32, and when it is given
    numbers that are 2**-24 of themselves off, about what float32 rounds.

    In bfloat16 the bounds are those of float32 too, although a kernel may round more there.

    `results` are those of `results_of` in float64, for the numbers as they are.
    """
    floor = results[1].abs().max()
    most = [SHARE * OUTPUT * (1 + results[0].abs())]
    most += [SHARE * GRADIENT * torch.maximum(grad.abs().max(), floor) for grad in results[1:]]
    draw = torch.Generator().manual_seed(0)
    changes: list[Callable[[Tensor], Tensor]] = [
        torch.Tensor.float,
        *[lambda value: _off(value, draw)] * TRIALS,
    ]
    for change in changes:
        others = results_of(_changed(oracle, change), change(x), grad_y.to(change(x).dtype))
        for one, other, allowed in zip(results, others, most, strict=True):
            if not ((one - other).abs() <= allowed).all():  # NaN counts as far
                return False
    return True


def results_of(oracle: Oracle, x: Tensor, grad_y: Tensor) -> list[Tensor]:
    """Outputs, the gradient of x, and those of the oracle's parameters, which it also keeps."""
    x = x.detach().requires_grad_()
    y = oracle.run(x)
    (y * grad_y).sum().backward()
    assert x.grad is not None
    found = [y.detach(), x.grad]
    for name in PARAMETERS:
        value = getattr(oracle, name)
        if value is not None:
            found.append(torch.zeros_like(value) if value.grad is None else value.grad)
    return found


def _changed(oracle: Oracle, change: Callable[[Tensor], Tensor]) -> Oracle:
    given = {name: getattr(oracle, name) for name in PARAMETERS}
    return dataclasses.replace(
        oracle,
        **{
            name: change(value.detach()).requires_grad_()
            for name, value in given.items()
            if value is not None
        },
    )


def _off(value: Tensor, draw: torch.Generator) -> Tensor:
    """2**-24 of itself up or down."""
    up = torch.randint(0, 2, value.shape, generator=draw) * 2 - 1
    return value * (1 + 2.0**-24 * up)
