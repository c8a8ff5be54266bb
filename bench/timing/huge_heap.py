"""A malloc heap on transparent huge pages, for glibc on Linux."""

from __future__ import annotations

import ctypes
from pathlib import Path

import psutil

MADV_HUGEPAGE = 14  # linux/mman.h
PAGE = 2 * 2**20  # bytes of a huge page, or a whole part of one
MOST = 8 * 2**30  # bytes
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def setting() -> str:
    """When the kernel gives out huge pages: always, madvise, never; or "absent"."""
    try:
        words = SETTING.read_text(encoding="ascii").split()
    except OSError:
        return "absent"
    return next(word.strip("[]") for word in words if word.startswith("["))


def reserve() -> int:
    """Let the heap grow at once and ask for huge pages there; returns its bytes, 0 where refused.

    Only addresses are taken: memory is used as it is written. malloc must be kept from mapping
    large blocks apart and from giving memory back before this is called.
    """
    if setting() in ("never", "absent"):
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = min(MOST, psutil.virtual_memory().total // 2)
    block = libc.malloc(size)
    if not block:
        return 0
    first = -(-block // PAGE) * PAGE
    whole = (block + size - first) // PAGE * PAGE
    refused = libc.madvise(first, whole, MADV_HUGEPAGE)
    libc.free(block)
    return 0 if refused else whole
