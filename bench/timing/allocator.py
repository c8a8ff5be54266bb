"""One memory allocator policy for every contender, applied once and recorded by name.

Under glibc's default every large tensor is mapped afresh and given back when it is freed, so that
a step pays for page faults again and again; they cost more than a fused neuron does. `keep-pages`
makes malloc serve large blocks from its heap and never give it back: the caching that frameworks
do on a GPU. `huge-pages` does that and asks the kernel for huge pages below the heap, so that
translating addresses costs less. All are honest; only mixing them between contenders
is not.
"""

from __future__ import annotations

import ctypes
import os
import platform

import torch

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.timing import huge_heap

M_TRIM_THRESHOLD = -1  # malloc.h
M_MMAP_MAX = -4

DEFAULT = "default"
KEEP_PAGES = "keep-pages"
HUGE_PAGES = "huge-pages"
POLICIES = {
    DEFAULT: "as the C library ships it",
    KEEP_PAGES: "M_MMAP_MAX=0, M_TRIM_THRESHOLD=-1",
    HUGE_PAGES: "M_MMAP_MAX=0, M_TRIM_THRESHOLD=-1",
}
_STRENGTH = list(POLICIES)  # nothing a policy has set can be taken back

_applied: str | None = None
_heap: str | None = None  # how the heap of `huge-pages` came out


def apply_policy(name: str = KEEP_PAGES) -> str:
    """Set the policy for this process and return how it is recorded.

    Settings of malloc cannot be taken back: `default` after `keep-pages`, or either after
    `huge-pages`, needs a fresh process and raises UsageError. Where the C library is not glibc
    every policy is its default, and where the kernel refuses huge pages there are none: both are
    recorded.
    """
    global _applied, _heap
    if name not in POLICIES:
        raise unknown("allocator policy", name, POLICIES)
    before = _applied or DEFAULT
    if _STRENGTH.index(name) < _STRENGTH.index(before):
        raise UsageError(
            f"the allocator policy {before!r} is set for this process and cannot be taken back; "
            f"time under {name!r} in a fresh process"
        )
    if is_glibc() and before == DEFAULT != name:
        _keep_pages()
    if is_glibc() and before != HUGE_PAGES == name:
        reserved = huge_heap.reserve()
        heap = f"heap of {reserved / 2**30:.3g} GiB on huge pages" if reserved else "no huge pages"
        _heap = f"{heap}, kernel's setting {huge_heap.setting()!r}"
    _applied = name
    return in_use()


def in_use() -> str:
    """How the allocator of this process is recorded: the policy, the C library, its settings."""
    return f"{_of_the_host()}{_of_the_gpu()}"


def _of_the_gpu() -> str:
    """torch's caching allocator on CUDA and its settings; empty where no GPU is in use."""
    if not torch.cuda.is_initialized():
        return ""
    names = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
    settings = [f" {name}={os.environ[name]}" for name in names if name in os.environ]
    return f"; CUDA: {torch.cuda.get_allocator_backend()}{''.join(settings)}"


def _of_the_host() -> str:
    name = _applied or DEFAULT
    if preloaded := os.environ.get("LD_PRELOAD"):
        return f"{name}, behind LD_PRELOAD={preloaded}"
    if not is_glibc():
        return f"{DEFAULT} (not glibc: {platform.system()})"
    heap = f", {_heap}" if _heap else ""
    return f"{name} (glibc {platform.libc_ver()[1]}: {POLICIES[name]}{heap})"


def is_glibc() -> bool:
    """Whether malloc in this process is glibc's, which has mallopt."""
    return platform.libc_ver()[0] == "glibc"


def trim() -> None:
    """Give freed memory back to the system, so that resident memory means memory in use.

    The heap of `huge-pages` is kept: it would grow again on small ones.
    """
    if is_glibc() and _applied != HUGE_PAGES:
        ctypes.CDLL(None).malloc_trim(0)


def _keep_pages() -> None:
    libc = ctypes.CDLL(None)
    for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1)):
        if libc.mallopt(option, value) != 1:
            raise OSError(f"mallopt({option}, {value}) was refused by the C library")
