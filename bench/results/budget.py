"""Networks within the budget already: the same at equal backbone and at equal budget."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from liafbench.baselines.budget import TOLERANCE
from liafbench.bench.results.frames import rows
from liafbench.bench.results.read import Results

EQUAL_BACKBONE, EQUAL_BUDGET = "equal-backbone", "equal-budget"
PLACE = ["suite", "machine", "task", "backbone", "data", "options", "engine"]
NETWORK = [*PLACE, "baseline"]


def with_stand_ins(results: Results) -> Results:
    """Settled results in which such networks stand at equal budget too, as `stands_in` says.

    They run once, at equal backbone. Where a place has runs at equal budget, the runs at equal
    backbone of every baseline within 5 % of the reference's parameters (its own among them) are
    added there, but for baselines that were run, or are asked for, at equal budget. Timing is
    not added: it compares only what one run interleaved.
    """
    trained = results.runs[results.runs["kind"] == "train"]
    fits = _fitting(trained, results.records)
    runs = results.runs.assign(stands_in=False)
    if not fits:
        return replace(results, runs=runs)
    added = trained[(trained["budget"] == EQUAL_BACKBONE) & _in(trained, NETWORK, fits)]
    names = list(map(tuple, added[["suite", "machine", "run_id"]].to_numpy()))
    records = results.records[_in(results.records, ["suite", "machine", "run_id"], names)]
    return replace(
        results,
        runs=pd.concat(
            [runs, added.assign(budget=EQUAL_BUDGET, stands_in=True)], ignore_index=True
        ),
        records=pd.concat(
            [results.records, records.assign(budget=EQUAL_BUDGET)], ignore_index=True
        ),
    )


def _fitting(trained: pd.DataFrame, records: pd.DataFrame) -> list[tuple[str, ...]]:
    """The networks (NETWORK) that stand in at equal budget."""
    scaled = trained[(trained["budget"] == EQUAL_BUDGET) & (trained["reference"] != "")]
    wanted = {tuple(row[key] for key in PLACE): row["reference"] for row in rows(scaled)}
    there = set(map(tuple, trained.loc[trained["budget"] == EQUAL_BUDGET, NETWORK].to_numpy()))
    counted = records[(records["metric"] == "parameters") & (records["budget"] == EQUAL_BACKBONE)]
    sizes = {tuple(row[key] for key in NETWORK): row["value"] for row in rows(counted)}
    fits = []
    for network, size in sizes.items():
        place = network[:-1]
        budget = sizes.get((*place, wanted.get(place, "")))
        if budget is None or network in there:
            continue
        if abs(size - budget) <= TOLERANCE * budget:
            fits.append(network)
    return fits


def _in(frame: pd.DataFrame, keys: list[str], chosen: list[tuple[str, ...]]) -> pd.Series:
    found = pd.MultiIndex.from_frame(frame[keys]).isin(chosen)
    return pd.Series(found, index=frame.index)
