"""The Triton kernel against float64, on CPU tensors in Triton's interpreter.

`test_triton.py` runs this file in a process of its own: the interpreter is chosen once, when Triton
is imported.
"""

from __future__ import annotations

import pytest
import torch
from kernel_cases import NEEDS, TRUNCATED, Variant, case_of, check, name, pairwise
from torch import Tensor

from liafbench.baselines.neurons.kernels.triton_kernel import CHUNK, Triton
from liafbench.baselines.neurons.step import Step

VARIANTS = pairwise()
BASE = VARIANTS[0]


class Interpreted(Triton):
    """The kernel on CPU tensors, which it refuses outside of these tests."""

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        reason = super().refuses(x, parameters, step)
        return None if reason == "x is on cpu" else reason


KERNEL = Interpreted()


@pytest.mark.parametrize("variant", VARIANTS, ids=name)
def test_pairs_of_options(variant: Variant) -> None:
    # The interpreter cuts a float32 off to a bfloat16, where a GPU rounds it.
    check(KERNEL, case_of(variant), NEEDS[variant["needs"]], TRUNCATED)


@pytest.mark.parametrize("sharing", ["all", "neuron"])
@pytest.mark.parametrize("klif", ["no", "k, scaled"])
@pytest.mark.parametrize(
    "shape", [(1, 1), (CHUNK, 3), (CHUNK + 1, 2, 3), (3 * CHUNK - 1, 5), (2, 1025)]
)
def test_any_length_and_width(shape: tuple[int, ...], klif: str, sharing: str) -> None:
    variant = {**BASE, "klif": klif, "sharing": sharing, "dtype": torch.float32}
    check(KERNEL, case_of(variant, shape), NEEDS["all"])
