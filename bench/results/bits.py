"""Which test samples a network got right, as run files hold them: packed bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def unpack(bits: Iterable[bytes], samples: int) -> np.ndarray:
    """Which test samples were right, [runs, samples] of 0 and 1."""
    packed = np.frombuffer(b"".join(bits), dtype=np.uint8).reshape(-1, -(-samples // 8))
    return np.unpackbits(packed, axis=1, count=samples)


def answered_alike(runs: Sequence[tuple[bytes, int]]) -> int:
    """The number of test samples where all runs (bits, samples) tell which were right, else 0."""
    sizes = {samples for _, samples in runs}
    samples = sizes.pop() if len(sizes) == 1 else 0
    whole = samples > 0 and all(len(bits) == -(-samples // 8) for bits, _ in runs)
    return int(samples) if whole else 0
