"""What did not finish, does not count, or looked unhealthy: one row each, with the reason."""

from __future__ import annotations

from typing import Any

import pandas as pd

from liafbench.bench.results import rows
from liafbench.bench.results.source import caption, describe
from liafbench.bench.tables.comparison import Records, settled
from liafbench.bench.tables.states import NO_NUMBER

COLUMNS = ["what", "task", "backbone", "budget", "baseline", "seed", "run", "reason"]

WHY = {
    "superseded": "the suite no longer asks for it, or a newer run of its cell and seed counts",
    "other recipe": "newer seeds of its cell have another recipe or other code",
    "missing": "the suite asks for it and no run file is there",
}


def unfinished(records: Records) -> pd.DataFrame:
    """Failed (tuning too), stale, superseded and missing runs, findings, unusable files."""
    results = settled(records)
    listed = [_row("unreadable", problem.path.stem, problem.reason) for problem in results.problems]
    runs = results.runs.sort_values(["task", "backbone", "budget", "baseline", "seed", "run_id"])
    for run in rows(runs):
        said = [(run["fate"], _reason(run))] if run["fate"] != "current" else []
        said += [("finding", finding) for finding in run["health"]]
        place = {key: run[key] for key in ("task", "backbone", "budget", "baseline")}
        seed = "" if pd.isna(run["seed"]) else str(run["seed"])
        listed += [_row(what, run["run_id"], reason, seed=seed, **place) for what, reason in said]
    frame = pd.DataFrame(listed, columns=COLUMNS)
    frame.attrs |= {
        "title": "Not finished, not counted, or unhealthy",
        "label": "unfinished",
        "layout": "plain",
        "caption": "A finding is a remark on a run that counts; everything else here is averaged "
        f"into no other table. {caption(describe(results))}",
    }
    return frame


def _reason(run: dict[str, Any]) -> str:
    """Why a run does not count."""
    if run["fate"] == "failed":
        tuning = f"tuning, learning rate {run['rate']}: " if run["kind"] == "tune" else ""
        return tuning + (run["reason"] or NO_NUMBER)
    if run["fate"] == "stale":
        return f"numerics version {run['numerics']} is not the current one"
    return WHY[run["fate"]]


def _row(what: str, run: str, reason: str, **place: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | place | {"what": what, "run": run, "reason": reason}
