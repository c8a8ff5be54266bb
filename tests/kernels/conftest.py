from __future__ import annotations

import pytest

from liafbench.baselines.neurons.kernels import cpu_build


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> cpu_build.Compiler:
    """The compiler of this machine; without one the test is skipped.

    It has as long as it needs: on a busy machine another kernel would be tested in its place.
    """
    monkeypatch.setattr(cpu_build, "PATIENCE", 60.0)
    try:
        return cpu_build.compiler()
    except cpu_build.Unavailable as reason:
        pytest.skip(f"the CPU kernel needs a compiler: {reason}")
