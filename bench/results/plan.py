"""What a suite file asked for when it was last run: the plan beside the run files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from liafbench.bench import runfiles

PLAN_COLUMNS = (
    "suite", "machine", "run_id", "kind", "task", "backbone", "baseline", "engine", "budget",
    "seed", "data", "options",
)  # fmt: skip


def no_plan() -> pd.DataFrame:
    """A plan without cells: what a folder without plan.json has."""
    return pd.DataFrame(columns=list(PLAN_COLUMNS)).astype({"seed": "Int64"})


def read_plan(folder: Path) -> pd.DataFrame:
    """The plan of a `<suite>/<machine>` folder, PLAN_COLUMNS; no rows where there is none.

    Raises Unreadable, which says what is wrong and that the plan is not used.
    """
    plan = runfiles.read_plan(folder)
    if plan is None:
        return no_plan()
    machine = folder.resolve().name
    table = [
        (
            plan.suite, machine, cell.run_id, cell.kind, cell.task, cell.backbone, cell.baseline,
            cell.engine, cell.budget, cell.seed, _line(cell.data), _line(cell.options),
        )
        for cell in plan.cells
    ]  # fmt: skip
    frame = pd.DataFrame.from_records(table, columns=list(PLAN_COLUMNS))
    return frame.astype({"seed": "Int64"})


def option_line(options: dict[str, Any] | None) -> str:
    """Options in one canonical line: `contrast=1.2, limit=10000`."""
    return ", ".join(f"{key}={value}" for key, value in sorted((options or {}).items()))


def _line(options: dict[str, Any] | None) -> str | None:
    """None where the plan does not say."""
    return None if options is None else option_line(options)
