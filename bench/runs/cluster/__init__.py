"""Many machines: cells as tasks of a Ray cluster. Needs the extra `[ray]`."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from baselines.errors import UsageError

if TYPE_CHECKING:
    from bench.runs.cluster.driver import RayCluster

UNLIMITED = 10**6
"""As many cells at once as the cluster holds."""


def connect(address: str | None, cpus: int | None = None) -> RayCluster:
    """The cluster at an address, or without one a Ray of this machine alone, of `cpus` cores.

    UsageError where Ray is not installed or nothing answers.
    """
    if importlib.util.find_spec("ray") is None:
        raise UsageError("--executor ray: Ray is not installed; pip install 'liafbench[ray]'")
    from bench.runs.cluster.driver import RayCluster

    return RayCluster(address, cpus)
