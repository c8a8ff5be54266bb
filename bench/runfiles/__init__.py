"""Run files and plans: their model, the one module that reads them, and how they are written."""

from liafbench.bench.runfiles.model import (
    COLUMNS,
    PLAN,
    SCHEMA,
    Config,
    HealthFinding,
    Plan,
    PlannedCell,
    Predictions,
    Provenance,
    Record,
    Run,
)
from liafbench.bench.runfiles.numerics import NUMERICS_VERSION, numerics_version
from liafbench.bench.runfiles.reading import (
    DamagedRun,
    Finding,
    NewerRun,
    Unreadable,
    read_bytes,
    read_plan,
    read_run,
    run_paths,
)
from liafbench.bench.runfiles.writing import (
    as_usage_error,
    check_writable,
    disk_is_full,
    sealed,
    write_atomically,
)

__all__ = [
    "COLUMNS",
    "NUMERICS_VERSION",
    "PLAN",
    "SCHEMA",
    "Config",
    "DamagedRun",
    "Finding",
    "HealthFinding",
    "NewerRun",
    "Plan",
    "PlannedCell",
    "Predictions",
    "Provenance",
    "Record",
    "Run",
    "Unreadable",
    "as_usage_error",
    "check_writable",
    "disk_is_full",
    "numerics_version",
    "read_bytes",
    "read_plan",
    "read_run",
    "run_paths",
    "sealed",
    "write_atomically",
]
