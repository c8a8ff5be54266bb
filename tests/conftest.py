"""What all tests share: one thread, and the folder of real data where there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from liafbench.baselines.neurons import kernels

torch.set_num_threads(1)

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def _data_folder() -> Path | None:
    named = os.environ.get("LIAFBENCH_DATA")
    if named:
        return Path(named)
    return _BESIDE if _BESIDE.is_dir() else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets; the test skips where there is none."""
    folder = _data_folder()
    if folder is None:
        pytest.skip("needs real data: set LIAFBENCH_DATA to its folder")
    return folder


@pytest.fixture
def force_kernel() -> Iterator[Callable[[str | None], None]]:
    """Sets LIAFBENCH_KERNEL, or unsets it with None, as if the process had just begun."""
    with pytest.MonkeyPatch.context() as patch:

        def force(name: str | None) -> None:
            if name is None:
                patch.delenv("LIAFBENCH_KERNEL", raising=False)
            else:
                patch.setenv("LIAFBENCH_KERNEL", name)
            kernels.forced.cache_clear()

        yield force
    kernels.forced.cache_clear()
