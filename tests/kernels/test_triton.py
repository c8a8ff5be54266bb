"""The Triton kernel, in processes of its own: a variable of Triton's changes no other test."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from liafbench.baselines.neurons.kernels import kernel_in_use

HERE = Path(__file__).parent
triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed; `make install`"
)


def run(*words: str | Path, **variables: str) -> str:
    """Output of Python with these environment variables of Triton's; it must succeed."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TRITON_")}
    done = subprocess.run(
        [sys.executable, *map(str, words)], env=bare | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@triton
def test_the_kernel_agrees_with_float64() -> None:
    words = ("-m", "pytest", "-p", "no:cacheprovider", "-o", "addopts=", HERE / "triton_cases.py")
    passed = re.search(r"(\d+) passed", run(*words, TRITON_INTERPRET="1"))
    assert passed is not None
    assert int(passed[1]) > 30


KERNELS = """
import torch
from liafbench.baselines.neurons import LIF
from liafbench.baselines.neurons.kernels import fallbacks, kernel_in_use
torch.manual_seed(0)
x = torch.rand(3, 2, 5, dtype=torch.float16)
print(kernel_in_use(), float(LIF(v_threshold=0.5)(x).sum()), sum(fallbacks().values()), sep="|")
"""


def test_no_variable_of_triton_changes_the_kernel_of_cpu_tensors() -> None:
    plain = run("-W", "ignore", "-c", KERNELS)
    assert plain.split("|")[0] == kernel_in_use()
    assert run("-W", "ignore", "-c", KERNELS, TRITON_INTERPRET="1") == plain


@pytest.mark.soak
@triton
def test_compiles_for_a_gpu_that_is_not_there() -> None:
    assert len(run(HERE / "triton_offline.py").splitlines()) == 4
