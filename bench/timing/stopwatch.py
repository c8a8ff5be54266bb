"""How one sample is taken: on the host's clock between two synchronisations, or by CUDA events."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch


class Stopwatch(Protocol):
    """Times `calls` calls of `work` and returns the seconds they took together."""

    def now(self) -> float: ...

    def measure(self, work: Callable[[], object], calls: int = 1) -> float: ...


def nothing() -> None:
    """The synchronisation of a device that has returned when its calls return."""


class HostStopwatch:
    """A host clock, read only after the device has finished what was asked of it.

    `synchronize` is called before the first reading, so that work queued by the contender before is
    not billed to this one, and before the second, so that queued work is billed at all.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        synchronize: Callable[[], object] = nothing,
    ) -> None:
        self.now = clock
        self.synchronize = synchronize

    def measure(self, work: Callable[[], object], calls: int = 1) -> float:
        with _collector_paused():
            self.synchronize()
            start = self.now()
            for _ in range(calls):
                work()
            self.synchronize()
            return self.now() - start


class CudaStopwatch:
    """CUDA events around the calls: time on the device's own clock, launch gaps included.

    `cuda` is `torch.cuda`, or what stands in for it in a test.
    """

    def __init__(self, cuda: Any = torch.cuda, clock: Callable[[], float] = time.perf_counter):
        self.cuda = cuda
        self.now = clock

    def measure(self, work: Callable[[], object], calls: int = 1) -> float:
        start = self.cuda.Event(enable_timing=True)
        end = self.cuda.Event(enable_timing=True)
        with _collector_paused():
            self.cuda.synchronize()
            start.record()
            for _ in range(calls):
                work()
            end.record()
            self.cuda.synchronize()
        return start.elapsed_time(end) / 1000  # milliseconds


def stopwatch_for(device: str | torch.device) -> Stopwatch:
    """The stopwatch of a device: events on CUDA, the host's clock elsewhere."""
    return CudaStopwatch() if torch.device(device).type == "cuda" else HostStopwatch()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's cycle collector out of a sample; it runs between samples instead."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
