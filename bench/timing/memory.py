"""Peak memory of a step, and the time to a first result, in a process of their own.

Only a fresh process can say what one network needs: in an old one the allocator holds pages of
others. The process is forked from a server that has imported torch already.
"""

from __future__ import annotations

import functools
import gc
import io
import multiprocessing
import pickle
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
import torch
import torch.nn.functional as F
from torch import Tensor

from liafbench.bench.execution import Execution
from liafbench.bench.timing import allocator
from liafbench.bench.timing.network import (
    Builder,
    Inference,
    Loss,
    MakeOptimizer,
    TrainingStep,
    adam,
)

MIB = 2**20
STEPS = 3
Result = TypeVar("Result")


class OutOfMemory(RuntimeError):
    """The process that measured was ended by the system, or the device had no memory left."""


@dataclass(frozen=True)
class Footprint:
    """MiB at the peak of each step, and the seconds from building to the first logits.

    host: resident memory above that of the process before it built the network, so parameters,
    gradients, optimizer state and activations, without the batch. device: what CUDA's allocator
    held; empty on the CPU.
    """

    host: tuple[float, ...]
    device: tuple[float, ...]
    first_result: float


@dataclass(frozen=True)
class Job:
    """What the fresh process needs; everything in it can be pickled."""

    builder: Builder
    batch: bytes
    execution: Execution
    loss: Loss
    make_optimizer: MakeOptimizer
    threads: int
    train: bool


def measure_footprint(
    builder: Builder,
    x: Tensor,
    y: Tensor,
    *,
    execution: Execution | None = None,
    loss: Loss = F.cross_entropy,
    make_optimizer: MakeOptimizer = adam,
    train: bool = True,
) -> Footprint:
    """Measure one network's step in a fresh process under the C library's own allocator.

    A step is a training step, or with `train=False` an inference call.

    `builder`, `loss` and `make_optimizer` must pickle (a module's function or functools.partial).
    Raises OutOfMemory.
    """
    threads = torch.get_num_threads()
    job = Job(builder, pack(x, y), execution or Execution(), loss, make_optimizer, threads, train)
    try:
        pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"memory is measured in another process: {error}") from error
    return in_fresh_process(functools.partial(_footprint, job))


def in_fresh_process(work: Callable[[], Result]) -> Result:
    """Run `work` in a process of its own and return its result; raises OutOfMemory."""
    context = multiprocessing.get_context("forkserver")
    # A worker imports the parent's main module again: for the command line that is bench.cli.
    wanted = ["torch", "baselines", "liafbench.bench.timing.memory", "liafbench.bench.cli"]
    context.set_forkserver_preload([name for name in wanted if name in sys.modules])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(work).result()
        except BrokenProcessPool as error:
            raise OutOfMemory("the measuring process was killed") from error
        except (RuntimeError, MemoryError) as error:
            if not says_out_of_memory(error):
                raise
            raise OutOfMemory(reason(error)) from error


def says_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out: torch has no type for it on the CPU."""
    kinds = (torch.OutOfMemoryError, MemoryError)
    return isinstance(error, kinds) or "can't allocate memory" in str(error)


def reason(error: BaseException) -> str:
    """The part of an out-of-memory error that a table has room for."""
    text = str(error) or type(error).__name__
    _, on_cpu, rest = text.partition("DefaultCPUAllocator: ")  # after the place in torch's source
    return (rest if on_cpu else text).split(". ")[0]


def pack(x: Tensor, y: Tensor) -> bytes:
    """A batch as bytes, strides kept: an image repeated over time stays one image."""
    buffer = io.BytesIO()
    torch.save({"x": x, "y": y}, buffer)
    return buffer.getvalue()


def _footprint(job: Job) -> Footprint:
    torch.set_num_threads(job.threads)
    batch = torch.load(io.BytesIO(job.batch), weights_only=True)
    x, y = batch["x"], batch["y"]
    first_result = _first_result(job, x)
    # Code that is loaded or compiled on first use is the process's, not the network's.
    _step(job, x[:, :1], y[:1])()
    resting = _settled_memory()
    step = _step(job, x, y)
    step()
    peaks = [_peaks_of(step, job.execution) for _ in range(STEPS)]
    host = tuple(max(0.0, (peak - resting) / MIB) for peak, _ in peaks)
    on_device = job.execution.device != "cpu"
    device = tuple(peak / MIB for _, peak in peaks) if on_device else ()
    return Footprint(host, device, first_result)


def _first_result(job: Job, x: Tensor) -> float:
    start = time.perf_counter()
    # item() waits for the device.
    Inference(job.builder(), x[:, :1], job.execution)().sum().item()
    return time.perf_counter() - start


def _step(job: Job, x: Tensor, y: Tensor) -> Inference | TrainingStep:
    if not job.train:
        return Inference(job.builder(), x, job.execution)
    return TrainingStep(job.builder(), x, y, job.execution, job.loss, job.make_optimizer)


def _peaks_of(step: Callable[[], object], execution: Execution) -> tuple[int, int]:
    """Bytes at the peak of one step: resident in the process, allocated on the device."""
    cuda = torch.device(execution.device).type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    reset_peak()
    step()
    if cuda:
        torch.cuda.synchronize()
    return peak_resident(), torch.cuda.max_memory_allocated() if cuda else 0


def _settled_memory() -> int:
    gc.collect()
    allocator.trim()
    return psutil.Process().memory_info().rss


def reset_peak() -> None:
    """Start a new high-water mark where the system can (Linux, /proc/self/clear_refs)."""
    allocator.trim()
    marks = Path("/proc/self/clear_refs")
    if marks.exists():
        marks.write_text("5")


def peak_resident() -> int:
    """Bytes resident at most since `reset_peak`; since the process began where that is missing."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
