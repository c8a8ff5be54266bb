"""Where numbers come from: commit, versions, hardware."""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "liafbench",
    "torch",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "fvcore",
    "snntorch",
    "spikingjelly",
)


@functools.cache
def commit() -> str | None:
    """The commit of the checkout this code lies in, "+changes" when its files differ from it."""
    root = Path(__file__).resolve().parents[2]
    head = _git(root, "rev-parse", "HEAD")
    top = _git(root, "rev-parse", "--show-toplevel")
    if not head or not top or Path(top).resolve() != root:
        return None
    changed = _git(
        root, "status", "--porcelain", "--untracked-files=no", "--", "bench", "baselines"
    )
    return f"{head}+changes" if changed else head


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@functools.cache
def processor() -> str:
    """The processor's model name, never the name of the host."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
        if match:
            return match.group(1).strip()
    return platform.processor() or platform.machine()


def machine(device: str) -> str:
    """The folder name of results: the GPU's model, or processor, vector instructions and cores.

    The instructions are those torch uses: processors of one name can differ in them, and with them
    in speed and in the last digits.
    """
    import torch

    if device == "cuda":
        return slug(torch.cuda.get_device_name())
    vectors = torch.backends.cpu.get_cpu_capability()
    return slug(f"{processor()} {vectors} {usable_cores()} cores")


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def slug(text: str) -> str:
    """Lower-case letters, digits and dashes: a name fit for any file system."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unknown"


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that touch a number."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def provenance(device: str, threads: int) -> dict[str, Any]:
    """What every run file says of the run's surroundings."""
    import torch

    from liafbench.baselines.neurons.kernels import kernel_in_use

    return {
        "commit": commit(),
        "versions": versions(),
        "device": device,
        "machine": machine(device),
        "processor": processor(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "threads": threads,
        "kernel": kernel_in_use(device),
    }
