"""What is said, and remembered, when a faster kernel stands aside for a slower one."""

from __future__ import annotations

import functools
import warnings
from collections import Counter

_times: Counter[str] = Counter()


class KernelFallback(UserWarning):
    """A faster kernel stood aside for a slower one."""


def stands_aside(message: str) -> None:
    """Warn, once a message, and count every time."""
    _times[message] += 1
    _warn_once(message)


def fallbacks() -> Counter[str]:
    """How often each message was due in this process, warned of or not."""
    return _times.copy()


@functools.cache
def _warn_once(message: str) -> None:
    warnings.warn(message, KernelFallback, stacklevel=4)
