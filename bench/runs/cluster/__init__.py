"""Many machines: cells as tasks of a Ray cluster. Needs the extra `[ray]`."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

from liafbench.baselines.errors import UsageError

if TYPE_CHECKING:
    from liafbench.bench.runs.cluster.driver import RayCluster

UNLIMITED = 10**6
"""As many cells at once as the cluster holds."""


def connect(address: str | None, cpus: int | None = None) -> RayCluster:
    """The cluster at an address, or without one a Ray of this machine alone, of `cpus` cores.

    UsageError where Ray is not installed or nothing answers.
    """
    if not _has_ray():
        raise UsageError("--executor ray: Ray is not installed; pip install 'liafbench[ray]'")
    if address is None or address.split(":")[0] in ("127.0.0.1", "localhost"):
        # Ray replaces a loopback address by the machine's outer one, and then listens on all of
        # them, unless it takes this for a system where it keeps to the loopback. Read on import.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    # No word to anybody outside.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from liafbench.bench.runs.cluster.driver import RayCluster

    return RayCluster(address, cpus)


def _has_ray() -> bool:
    try:
        return importlib.util.find_spec("ray") is not None
    except ValueError:  # a module that is None or without a spec
        return False
