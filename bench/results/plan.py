"""What a suite file asked for when it was last run: the plan beside the run files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, Field, ValidationError

PLAN = "plan.json"
PLAN_COLUMNS = (
    "suite", "machine", "run_id", "kind", "task", "backbone", "baseline", "engine", "budget",
    "seed", "data", "options",
)  # fmt: skip


class DamagedPlan(ValueError):
    """A plan that is torn, edited by hand, or of another schema."""


class _Planned(BaseModel):
    """One cell of a plan; data and options tell rows apart where the plan says them."""

    run_id: str
    kind: Literal["train", "tune", "time"]
    task: str
    backbone: str = ""
    baseline: str
    engine: str = ""
    budget: str = ""
    seed: int | None = None
    data: dict[str, Any] | None = None
    options: dict[str, Any] | None = None


class _Plan(BaseModel):
    version: Literal[1] = Field(alias="schema")
    suite: str
    cells: list[_Planned]


def no_plan() -> pd.DataFrame:
    """A plan without cells: what a folder without plan.json has."""
    return pd.DataFrame(columns=list(PLAN_COLUMNS)).astype({"seed": "Int64"})


def read_plan(folder: Path) -> pd.DataFrame:
    """The plan of a `<suite>/<machine>` folder, PLAN_COLUMNS; no rows where there is none.

    Raises DamagedPlan, which says what is wrong and that the plan is not used.
    """
    path = folder / PLAN
    if not path.exists():
        return no_plan()
    try:
        plan = _Plan.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DamagedPlan(_advice(f"not a whole plan: {error}")) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DamagedPlan(_advice(f"{where}: {first['msg']}".removeprefix(": "))) from error
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


def _advice(what: str) -> str:
    return f"{what}; the plan is not used, run the suite again to write it"
