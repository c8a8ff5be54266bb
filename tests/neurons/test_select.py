"""Which kernel is chosen, and that a slower one never comes in silence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import LIF, kernels
from liafbench.baselines.neurons.kernels import (
    KernelFallback,
    fallback,
    fallbacks,
    kernel_in_use,
    select,
)
from liafbench.baselines.neurons.kernels.portable import Portable
from liafbench.baselines.neurons.step import Step

NUMBERS = (torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0))


class Picky(Portable):
    """A fast kernel that cannot do float64."""

    name = "cpu-test"

    def refuses(self, x: torch.Tensor, parameters: Any, step: Step) -> str | None:
        return "no float64" if x.dtype == torch.float64 else None


class Unbuilt(Portable):
    """A fast kernel that was never built."""

    name = "cpu"

    def refuses(self, x: torch.Tensor, parameters: Any, step: Step) -> str | None:
        return "no compiler: gcc not found"


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, force_kernel: Callable[[str | None], None]) -> Any:
    """Installs kernels in the place of the real ones, with nothing forced and nothing said yet."""

    def install(*some: Any) -> None:
        monkeypatch.setattr(kernels, "KERNELS", some)
        force_kernel(None)
        fallback._warn_once.cache_clear()

    return install


def test_the_first_that_can_is_chosen_and_a_fallback_is_said_once(only: Any) -> None:
    only(Picky(), Portable())
    assert select(torch.zeros(2, 1), NUMBERS, Step()).name == "cpu-test"
    with pytest.warns(KernelFallback, match="cpu-test stands aside: no float64"):
        assert select(torch.zeros(2, 1).double(), NUMBERS, Step()).name == "portable"
    before = fallbacks()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LIF()(torch.zeros(2, 1).double())
    assert [*(fallbacks() - before)] == ["kernel cpu-test stands aside: no float64"]


def test_the_provenance_names_the_kernel_and_why_a_faster_one_stood_aside(only: Any) -> None:
    only(Picky(), Portable())
    assert kernel_in_use() == "cpu-test"
    only(Unbuilt(), Portable())
    with pytest.warns(KernelFallback):
        assert kernel_in_use("cpu") == "portable (cpu: no compiler: gcc not found)"
    only(Portable())
    assert kernel_in_use() == "portable"


def test_a_forced_kernel_is_used_or_refuses_and_is_never_replaced(
    only: Any, force_kernel: Callable[[str | None], None]
) -> None:
    only(Picky(), Portable())
    force_kernel("portable")
    assert select(torch.zeros(2, 1), NUMBERS, Step()).name == "portable"
    force_kernel("cpu")
    assert select(torch.zeros(2, 1), NUMBERS, Step()).name == "cpu-test"
    with pytest.raises(UsageError, match="LIAFBENCH_KERNEL=cpu: no float64"):
        LIF()(torch.zeros(2, 1).double())
    force_kernel("portabel")
    with pytest.raises(UsageError, match="did you mean 'portable'"):
        LIF()(torch.zeros(2, 1))
    force_kernel("auto")
    assert select(torch.zeros(2, 1), NUMBERS, Step()).name == "cpu-test"


def test_the_last_of_the_real_kernels_refuses_nothing() -> None:
    last = kernels.KERNELS[-1]
    assert last.name == "portable"
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        assert last.refuses(torch.zeros(2, 1, dtype=dtype), NUMBERS, Step()) is None
