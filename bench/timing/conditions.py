"""The conditions of a measurement: threads, allocator, clocks, and what else the machine did."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import psutil
import torch

from liafbench.bench.timing import allocator


@dataclass(frozen=True)
class Conditions:
    """What a figure was taken under. None: this machine does not say."""

    threads: int | None = None
    allocator: str | None = None
    clock_mhz_before: float | None = None
    clock_mhz_after: float | None = None
    gpu_clock_mhz_before: float | None = None
    gpu_clock_mhz_after: float | None = None
    load_average: float | None = None
    other_load: float | None = None
    """Cores' worth of processor time that other processes took meanwhile."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class ConditionsRecorder:
    """Started before the first round, finished after the last."""

    def __init__(self) -> None:
        self._clock = _clock_mhz()
        self._gpu_clock = _gpu_clock_mhz()
        self._wall = time.perf_counter()
        self._busy = _busy_seconds()
        self._own = _own_seconds()

    def finish(self) -> Conditions:
        wall = time.perf_counter() - self._wall
        others = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return Conditions(
            threads=torch.get_num_threads(),
            allocator=allocator.in_use(),
            clock_mhz_before=self._clock,
            clock_mhz_after=_clock_mhz(),
            gpu_clock_mhz_before=self._gpu_clock,
            gpu_clock_mhz_after=_gpu_clock_mhz(),
            load_average=psutil.getloadavg()[0],
            other_load=max(0.0, others / wall) if wall > 0 else None,
        )


def _busy_seconds() -> float:
    times = psutil.cpu_times()._asdict()
    idle = times.get("idle", 0.0) + times.get("iowait", 0.0)
    # Linux counts a guest's time in user and nice as well.
    twice = times.get("guest", 0.0) + times.get("guest_nice", 0.0)
    return sum(times.values()) - idle - twice


def _own_seconds() -> float:
    times = psutil.Process().cpu_times()
    return times.user + times.system


def _clock_mhz() -> float | None:
    frequency = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
    return frequency.current if frequency else None


def _gpu_clock_mhz() -> float | None:
    """Of the GPU's multiprocessors; None for a process that does not use one."""
    return float(torch.cuda.clock_rate()) if torch.cuda.is_initialized() else None
