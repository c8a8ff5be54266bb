"""The idx format of the MNIST family: magic number, sizes (big-endian), unsigned bytes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.reading import gunzip, read_file

MAX_ITEMS = 1_000_000


def read_idx(path: Path, item: tuple[int, ...]) -> np.ndarray:
    """uint8 array [N, *item] of an idx file, compressed if its name ends in .gz."""
    header = 4 * (2 + len(item))
    bound = header + MAX_ITEMS * math.prod(item)
    data: bytes | bytearray
    data = gunzip(path, bound) if path.suffix == ".gz" else read_file(path, bound)
    if len(data) < header:
        raise UsageError(f"{path} is truncated: {len(data)} bytes, its header has {header}")
    magic = bytes((0, 0, 8, 1 + len(item)))
    if data[:4] != magic:
        raise UsageError(
            f"{path} is not an idx file of unsigned bytes in {1 + len(item)} dimensions: "
            f"it begins {data[:4].hex(' ')}, not {magic.hex(' ')}"
        )
    count, *sizes = np.frombuffer(data, ">u4", 1 + len(item), 4).tolist()
    if tuple(sizes) != item:
        raise UsageError(f"{path} has items of size {sizes}, expected {list(item)}")
    expected = header + count * math.prod(item)
    if len(data) != expected:
        raise UsageError(f"{path} has {len(data)} bytes, its header promises {expected}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(count, *item)
