"""What a cell needs of its machine: memory that is free, and a GPU of its own."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import torch
from torch import Tensor

from liafbench.baselines import Network

GIB = 2**30
FLOAT_BYTES = 4
COPIES = {"adam": 4, "sgd": 2}
"""Of each parameter in training: weight, gradient, and Adam's two moments."""
LONG = 4  # steps
VISIBLE = "CUDA_VISIBLE_DEVICES"
_CGROUP_FILES = (
    # limit and use of version 2, then of version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def total_memory() -> float:
    """GiB this process and its children may ever take: the machine's, or its container's."""
    limits = [limit for limit, _ in _cgroups()]
    return min([psutil.virtual_memory().total, *limits]) / GIB


def free_memory() -> float:
    """GiB that are free now, within the limit of the container if there is one."""
    left = [limit - used for limit, used in _cgroups()]
    return max(0.0, min([psutil.virtual_memory().available, *left]) / GIB)


def _cgroups() -> list[tuple[int, int]]:
    found = []
    for names in _CGROUP_FILES:
        try:
            limit, used = (Path(name).read_text().strip() for name in names)
        except OSError:
            continue
        if limit != "max":
            found.append((int(limit), int(used)))
    return found


@dataclass
class Room:
    """Memory for cells side by side: one more starts when its need fits, or when it is alone."""

    gib: float
    _taken: list[float] = field(default_factory=list)

    def holds(self, need: float) -> bool:
        """Whether a cell that needs so many GiB may start now."""
        return not self._taken or sum(self._taken) + need <= self.gib

    def take(self, need: float) -> None:
        """A cell starts."""
        self._taken.append(need)

    def give_back(self, need: float) -> None:
        """A cell ended."""
        self._taken.remove(need)


def visible_gpus(device: str) -> tuple[str, ...]:
    """The GPUs a run may use, as CUDA_VISIBLE_DEVICES names them; none for the processor."""
    if device != "cuda":
        return ()
    named = os.environ.get(VISIBLE)
    if named:
        return tuple(each.strip() for each in named.split(","))
    return tuple(str(index) for index in range(torch.cuda.device_count()))


@dataclass(frozen=True)
class GpuSlots:
    """One slot a worker process, spread evenly over the GPUs.

    A slot is a locked file: the lock goes with the process that holds it, so that the process that
    replaces a dead one takes the dead one's GPU.
    """

    folder: Path
    gpus: tuple[str, ...]
    workers: int

    def claim(self) -> IO[str] | None:
        """Take a slot, let this process see its GPU only; the open file is the claim.

        To be called before CUDA is first used. None where there are no GPUs.
        """
        if not self.gpus:
            return None
        for slot in range(self.workers):
            file = (self.folder / f"slot-{slot}").open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            os.environ[VISIBLE] = self.gpus[slot % len(self.gpus)]
            return file
        raise RuntimeError(f"no slot is free among {self.workers}")


def step_bytes(net: Network, batch: int, optimizer: str) -> float:
    """Bytes of parameters, gradients and optimizer state, and of what the backward pass keeps."""
    parameters = sum(p.numel() for p in net.parameters() if p.requires_grad)
    return FLOAT_BYTES * COPIES[optimizer] * parameters + _kept_bytes(net, batch)


def _kept_bytes(net: Network, batch: int) -> float:
    """Bytes that autograd keeps of a forward pass over all time steps.

    Every step after the second keeps as much as the third, so that loops need not be unrolled.
    """
    steps = net.backbone.time_steps
    if steps <= LONG:
        return _kept(net, batch, steps)
    short, longer = _kept(net, batch, LONG - 1), _kept(net, batch, LONG)
    return longer + (steps - LONG) * (longer - short)


def _kept(net: Network, batch: int, steps: int) -> int:
    """Bytes of the storages that autograd keeps of so many time steps, parameters apart."""
    shape = net.backbone
    kind = torch.int64 if shape.tokens else torch.float32
    x = torch.zeros(steps, batch, *shape.sample_shape, dtype=kind, device="meta")
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        net(x)
    found = {each.untyped_storage()._cdata: each for each in kept}
    for each in (*net.parameters(), *net.buffers()):
        found.pop(each.untyped_storage()._cdata, None)
    return sum(each.untyped_storage().nbytes() for each in found.values())
