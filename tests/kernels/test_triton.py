"""The Triton kernel against float64: on a GPU, or on the CPU in Triton's interpreter."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

if importlib.util.find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported

from kernel_cases import NEAREST, NEEDS, TRUNCATED, Variant, case_of, check, name, pairwise

from liafbench.baselines.neurons.kernels.triton_kernel import CHUNK, Triton

VARIANTS = pairwise()
BASE = VARIANTS[0]
# The interpreter cuts a float32 off to a bfloat16, a GPU rounds it.
ROUNDING = NEAREST if torch.cuda.is_available() else TRUNCATED


@pytest.mark.parametrize("variant", VARIANTS, ids=name)
def test_pairs_of_options(variant: Variant) -> None:
    check(Triton(), case_of(variant), NEEDS[variant["needs"]], ROUNDING)


@pytest.mark.parametrize("sharing", ["all", "neuron"])
@pytest.mark.parametrize("klif", ["no", "k, scaled"])
@pytest.mark.parametrize(
    "shape", [(1, 1), (CHUNK, 3), (CHUNK + 1, 2, 3), (3 * CHUNK - 1, 5), (2, 1025)]
)
def test_any_length_and_width(shape: tuple[int, ...], klif: str, sharing: str) -> None:
    variant = {**BASE, "klif": klif, "sharing": sharing, "dtype": torch.float32}
    check(Triton(), case_of(variant, shape), NEEDS["all"])


@pytest.mark.soak
def test_compiles_for_a_gpu_that_is_not_there() -> None:
    script = Path(__file__).parent / "triton_offline.py"
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4
