"""The compiled CPU kernel in its variants against float64."""

from __future__ import annotations

import pytest
from kernel_cases import NEEDS, Variant, case_of, check, every_variant, name, pairwise

from baselines.neurons.kernels.cpu import Cpu

pytestmark = pytest.mark.usefixtures("compiler")


@pytest.mark.parametrize("variant", pairwise(), ids=name)
def test_pairs_of_options(variant: Variant) -> None:
    check(Cpu(), case_of(variant), NEEDS[variant["needs"]])


@pytest.mark.soak
@pytest.mark.parametrize("klif", ["no", "k", "k, scaled"])
@pytest.mark.parametrize("output", ["spike", "relu", "selu", "leaky_relu", "identity"])
def test_every_variant(output: str, klif: str) -> None:
    for variant in every_variant():
        if variant["output"] == output and variant["klif"] == klif:
            check(Cpu(), case_of(variant), NEEDS[variant["needs"]])
