"""What only single runs hold: curves per seed, and cost and activity per layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from liafbench.bench.report.models import key
from liafbench.bench.report.rows import block_key
from liafbench.bench.results import CELL, rows
from liafbench.bench.runfiles import Run

DIGITS = 5
LAYER_METRICS = (
    "weights", "parameters", "mac_dense", "mac_effective", "ac", "elementwise", "spike_rate",
)  # fmt: skip
"""What run files hold of each layer."""


def placed(run: Run, table: dict[str, dict[str, Any]]) -> dict[str, str] | None:
    """Block and model of a training run that counts; None for any other."""
    row = table.get(run.run_id)
    if row is None:
        return None
    return {"block": block_key(row), "model": key(row)}


def counting_runs(runs: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The training runs that count, by run id; stale ones only where a row has no other."""
    trained = runs[runs["kind"] == "train"]
    newer = pd.MultiIndex.from_frame(trained[trained["status"].isin(["current", "failed"])][CELL])
    alone = ~pd.MultiIndex.from_frame(trained[CELL]).isin(newer)
    kept = trained[(trained["status"] == "current") | ((trained["status"] == "stale") & alone)]
    return {row["run_id"]: row for row in rows(kept)}


def curves(runs: Iterable[Run], table: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry per run and curve: block, model, seed, name, values by epoch."""
    found = []
    for run in runs:
        where = placed(run, table)
        if where is None:
            continue
        for name, values in run.curves.items():
            entry = {"seed": run.config.seed, "name": name}
            found.append({**where, **entry, "values": [_short(value) for value in values]})
    return found


def layers(runs: Iterable[Run], table: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry per block, model and layer, in the network's order: the mean over seeds."""
    listed = []
    for run in runs:
        where = placed(run, table)
        if where is not None:
            listed += [{**where, "place": i, **layer} for i, layer in enumerate(run.layers)]
    if not listed:
        return []
    frame = pd.DataFrame(listed).reindex(
        columns=["block", "model", "place", "layer", *LAYER_METRICS]
    )
    frame[list(LAYER_METRICS)] = frame[list(LAYER_METRICS)].astype(float)
    means = frame.groupby(["block", "model", "place", "layer"], sort=False)[list(LAYER_METRICS)]
    found = rows(means.mean().reset_index())
    return [{name: _plain(value) for name, value in row.items()} for row in found]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if pd.isna(value) else _short(value)
    return value


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
