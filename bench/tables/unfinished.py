"""What did not finish, does not count, or looked unhealthy: one row each, with the reason."""

from __future__ import annotations

from typing import Any

import pandas as pd

from liafbench.bench.results import labels, rows
from liafbench.bench.tables.comparison import Records, selected
from liafbench.bench.tables.row_status import NO_NUMBER
from liafbench.bench.tables.table import Table

COLUMNS = ["what", "task", "backbone", "budget", "baseline", "seed", "run", "reason"]

WHY = {
    "superseded": "the suite no longer asks for it, or a newer run of its cell and seed counts",
    "other recipe": "newer seeds of its cell have another recipe or other code",
    "missing": "the suite asks for it and no run file is there",
}


def unfinished(records: Records) -> Table:
    """Failed (tuning too), stale, superseded and missing runs, findings, unusable files."""
    results = selected(records)
    listed = [
        _row("unreadable", found.name.removesuffix(".json"), found.reason)
        for found in results.findings
    ]
    runs = results.runs.sort_values(["task", "backbone", "budget", "baseline", "seed", "run_id"])
    for run in rows(runs):
        said = [(run["status"], _reason(run))] if run["status"] != "current" else []
        said += [("finding", finding) for finding in run["health"]]
        place = {key: run[key] for key in ("task", "backbone", "budget", "baseline")}
        seed = "" if pd.isna(run["seed"]) else str(run["seed"])
        listed += [_row(what, run["run_id"], reason, seed=seed, **place) for what, reason in said]
    frame = pd.DataFrame(listed, columns=COLUMNS)
    return Table(
        frame,
        "Not finished, not counted, or unhealthy",
        "unfinished",
        caption="A finding is a remark on a run that counts; everything else here is averaged "
        f"into no other table. {labels.caption(labels.describe(results))}",
    )


def _reason(run: dict[str, Any]) -> str:
    """Why a run does not count."""
    if run["status"] == "failed":
        tuning = f"tuning, learning rate {run['rate']}: " if run["kind"] == "tune" else ""
        return tuning + (run["reason"] or NO_NUMBER)
    if run["status"] == "stale":
        return f"numerics version {run['numerics']} is not the current one"
    return WHY[run["status"]]


def _row(what: str, run: str, reason: str, **place: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | place | {"what": what, "run": run, "reason": reason}
