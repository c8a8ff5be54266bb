"""The compiled CPU kernel in its variants against float64."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_cases import NEEDS, Variant, case_of, check, every_variant, name, pairwise

from liafbench.baselines.neurons.kernels import cpu_build
from liafbench.baselines.neurons.kernels.cpu import Cpu

pytestmark = [
    pytest.mark.usefixtures("compiler"),
    pytest.mark.filterwarnings("error::liafbench.baselines.neurons.kernels.KernelFallback"),
]


@pytest.mark.parametrize("variant", pairwise(), ids=name)
def test_pairs_of_options(variant: Variant) -> None:
    check(Cpu(), case_of(variant), NEEDS[variant["needs"]])


@pytest.mark.soak
@pytest.mark.parametrize("klif", ["no", "k", "k, scaled"])
@pytest.mark.parametrize("output", ["spike", "relu", "selu", "leaky_relu", "identity"])
def test_every_variant(
    output: str, klif: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Hundreds of variants that nobody will ask for again stay out of the user's cache.
    monkeypatch.setattr(cpu_build, "cache_folder", lambda: tmp_path)
    for variant in every_variant():
        if (variant["output"], variant["klif"], variant["needs"]) == (output, klif, "all"):
            check(Cpu(), case_of(variant), NEEDS["all"])
