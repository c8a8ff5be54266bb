"""Energy per sample from the GPU's own counter."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pynvml
import torch

MILLI = 1e-3
BLOCK_SECONDS = 2.0
"""The counter moves in steps of up to 100 ms; a block must be long against that."""
BLOCKS = 3


class EnergyCounter:
    """NVML's total energy of the GPU that torch uses, idle power included.

    `nvml` is the module pynvml, or what stands in for it in a test.
    """

    def __init__(self, nvml: Any, handle: Any, synchronize: Callable[[], object]) -> None:
        self.nvml, self.handle, self.synchronize = nvml, handle, synchronize

    @classmethod
    def of_current_device(cls) -> EnergyCounter | None:
        """None where there is no GPU, or one that has no counter."""
        if not torch.cuda.is_available():
            return None
        pynvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(torch.cuda.current_device()).uuid
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        counter = cls(pynvml, handle, torch.cuda.synchronize)
        try:
            counter.joules()
        except pynvml.NVMLError_NotSupported:
            return None
        return counter

    def joules(self) -> float:
        """Since the driver was loaded."""
        return self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle) * MILLI

    def per_call(
        self, work: Callable[[], object], clock: Callable[[], float] = time.perf_counter
    ) -> tuple[float, ...]:
        """Joules per call in each of three blocks of at least two seconds."""
        return tuple(self._block(work, clock) for _ in range(BLOCKS))

    def _block(self, work: Callable[[], object], clock: Callable[[], float]) -> float:
        self.synchronize()
        before, started, calls = self.joules(), clock(), 0
        while clock() - started < BLOCK_SECONDS:
            work()
            self.synchronize()  # else launches run ahead of the clock
            calls += 1
        return (self.joules() - before) / calls
