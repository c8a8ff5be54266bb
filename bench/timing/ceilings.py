"""What the device can do at most, measured: copying memory and multiplying matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from liafbench.bench.execution import Execution
from liafbench.bench.timing.intervals import Interval
from liafbench.bench.timing.rounds import interleave
from liafbench.bench.timing.stopwatch import Stopwatch, stopwatch_for

COPY_BYTES = {"cpu": 2**28, "cuda": 2**30}
MATRIX_SIDE = {"cpu": 1024, "cuda": 8192}
SAMPLE_SECONDS = 0.05
ROUNDS = 10


@dataclass(frozen=True)
class Ceilings:
    """Copy bandwidth [bytes/s], each byte read and written, and matrix rate [FLOP/s]."""

    bandwidth: Interval
    matrix_rate: Interval

    def to_dict(self) -> dict[str, Any]:
        return {
            "copy_bandwidth_bytes_per_s": vars(self.bandwidth),
            "matrix_rate_flop_per_s": vars(self.matrix_rate),
        }


def measure_ceilings(execution: Execution, stopwatch: Stopwatch | None = None) -> Ceilings:
    """Copy and multiply in the execution' precision, in turns, several rounds."""
    kind = torch.device(execution.device).type
    dtype = torch.bfloat16 if execution.precision == "bfloat16" else torch.float32
    source = torch.zeros(COPY_BYTES[kind] // 4, device=execution.device)
    target = torch.zeros_like(source)
    side = MATRIX_SIDE[kind]
    matrix = torch.rand(side, side, device=execution.device, dtype=dtype)
    timings = interleave(
        {"copy": lambda: target.copy_(source), "matmul": lambda: matrix @ matrix},
        rounds=ROUNDS,
        min_time=SAMPLE_SECONDS,
        stopwatch=stopwatch or stopwatch_for(execution.device),
    )
    return Ceilings(
        _rate(2 * COPY_BYTES[kind], timings.interval("copy")),
        _rate(2 * side**3, timings.interval("matmul")),
    )


def _rate(amount: float, seconds: Interval) -> Interval:
    return Interval(amount / seconds.value, amount / seconds.high, amount / seconds.low, seconds.n)
