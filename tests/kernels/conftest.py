from __future__ import annotations

import pytest

from baselines.neurons.kernels import cpu_build


@pytest.fixture
def compiler() -> cpu_build.Compiler:
    """The compiler of this machine; without one the test is skipped."""
    try:
        return cpu_build.compiler()
    except cpu_build.Unavailable as reason:
        pytest.skip(f"the CPU kernel needs a compiler: {reason}")
