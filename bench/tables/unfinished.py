"""What did not finish, does not count, or looked unhealthy: one row each, with the reason."""

from __future__ import annotations

import pandas as pd

from bench.results import rows
from bench.results.source import caption, describe
from bench.tables.comparison import Records, settled

COLUMNS = ["what", "task", "backbone", "budget", "baseline", "seed", "run", "reason"]


def unfinished(records: Records) -> pd.DataFrame:
    """Failed, stale and superseded runs, findings while training, and unusable run files."""
    results = settled(records)
    listed = [_row("unreadable", problem.path.stem, problem.reason) for problem in results.problems]
    runs = results.runs.sort_values(["task", "backbone", "budget", "baseline", "seed", "run_id"])
    for run in rows(runs):
        said = []
        if run["fate"] == "failed":
            said.append(("failed", run["reason"] or "a value is not a number"))
        elif run["fate"] == "stale":
            said.append(("stale", f"numerics version {run['numerics']} is not the current one"))
        elif run["fate"] == "superseded":
            said.append(("superseded", "a newer run of the same cell and seed counts"))
        said += [("finding", finding) for finding in run["health"]]
        place = {key: run[key] for key in ("task", "backbone", "budget", "baseline")}
        seed = "" if pd.isna(run["seed"]) else str(run["seed"])
        listed += [_row(what, run["run_id"], reason, seed=seed, **place) for what, reason in said]
    frame = pd.DataFrame(listed, columns=COLUMNS)
    frame.attrs |= {
        "title": "Not finished, not counted, or unhealthy",
        "label": "unfinished",
        "layout": "plain",
        "caption": f"None of these is averaged into another table. {caption(describe(results))}",
    }
    return frame


def _row(what: str, run: str, reason: str, **place: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | place | {"what": what, "run": run, "reason": reason}
