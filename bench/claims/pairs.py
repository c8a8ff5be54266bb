"""The paired seeds of two baselines on one task, and what stands in the way of judging them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from liafbench.bench.claims.definitions import ENGINE, Claim, Item
from liafbench.bench.claims.shipped import as_shipped
from liafbench.bench.results import Results, fits_budget, rows
from liafbench.bench.suites.schema import EQUAL_BACKBONE, EQUAL_BUDGET

BUDGETS = (EQUAL_BACKBONE, EQUAL_BUDGET)

Place = tuple[str, str, str]  # suite, task, backbone
Run = dict[str, Any]


@dataclass
class Side:
    """The runs of one baseline on one task: finished ones by (machine, seed), and the rest."""

    done: dict[tuple[str, int], Run] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    partial: set[str] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    """Seeds that the suite asks for and that were not run."""
    foreign: bool = False
    """Whether there are runs by another recipe, or on other data, than the shipped suite's."""

    @property
    def ran(self) -> bool:
        return bool(self.done or self.failed)


@dataclass
class Pairs:
    """Runs of subject and other that share task, machine and seed; newest selected runs only."""

    subject: Side
    other: Side
    runs: list[tuple[Run, Run]]

    @property
    def failed(self) -> list[str]:
        return self.subject.failed + self.other.failed

    @property
    def missing(self) -> list[int]:
        """Planned seeds of either side that no machine has a pair of."""
        paired = {int(run["seed"]) for run, _ in self.runs}
        return sorted((self.subject.missing | self.other.missing) - paired)

    @property
    def recipes_differ(self) -> bool:
        return any(a["recipe"] != b["recipe"] or a["data"] != b["data"] for a, b in self.runs)

    def values(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """The metric of both sides, one entry per pair that has it on both."""
        both = [(a["values"], b["values"]) for a, b in self.runs]
        known = [(a[metric], b[metric]) for a, b in both if metric in a and metric in b]
        return np.array([a for a, _ in known]), np.array([b for _, b in known])


class Evidence:
    """Selected results, laid out for the claims."""

    def __init__(self, results: Results) -> None:
        counted = results.runs[
            (results.runs["kind"] == "train")
            & results.runs["status"].isin(["current", "failed", "missing"])
            & (results.runs["engine"] == ENGINE)
            & (results.runs["options"] == "")
        ]
        metrics = results.records[results.records["run_id"].isin(counted["run_id"])]
        self._values = _values(metrics)
        keys = ["suite", "task", "backbone", "budget", "baseline"]
        self._runs: dict[tuple[str, ...], list[Run]] = {}
        for run in rows(counted.sort_values(["machine", "seed", "run_id"])):
            self._runs.setdefault(tuple(run[key] for key in keys), []).append(run)

    def pairs(self, claim: Claim, item: Item, task: str, budget: str) -> Pairs:
        """The pairs of a claim on one task of an item, at one budget.

        Of the suites of a scope, the one with most pairs is judged, never a mixture.
        """
        found = [
            self._in_suite(claim, (suite, task, item.backbone), budget)
            for suite in claim.scope.suites
        ]
        return max(found, key=lambda pairs: (len(pairs.runs), pairs.subject.ran))

    def _in_suite(self, claim: Claim, place: Place, budget: str) -> Pairs:
        scope = claim.scope
        left, right = (
            self._side(self._found(place, budget, baseline, scope.reference), scope.whole_data)
            for baseline in (claim.subject, claim.other)
        )
        return Pairs(left, right, _matched(left, right))

    def _found(self, place: Place, budget: str, baseline: str, reference: str) -> list[Run]:
        """The runs of a baseline at a budget.

        A network that is within the budget already is the same at both sizes of comparison: where
        it was not run again at equal budget, its run at equal backbone stands.
        """
        found = self._runs.get((*place, budget, baseline), [])
        if found or budget == EQUAL_BACKBONE:
            return found
        size, wanted = (self._parameters(place, name) for name in (baseline, reference))
        if size is None or wanted is None or not fits_budget(size, wanted):
            return []
        return self._runs.get((*place, EQUAL_BACKBONE, baseline), [])

    def _parameters(self, place: Place, baseline: str) -> float | None:
        """Parameters at equal backbone, of the first run that counted them."""
        for run in self._runs.get((*place, EQUAL_BACKBONE, baseline), []):
            counted = self._values.get((run["machine"], run["suite"], run["run_id"]), {})
            if "parameters" in counted:
                return counted["parameters"]
        return None

    def _side(self, runs: list[Run], whole_data: bool) -> Side:
        side = Side()
        for run in runs:
            if run["status"] == "missing":
                side.missing.add(int(run["seed"]))
                continue
            if not as_shipped(run):
                side.foreign = True
                continue
            if run["partial"]:
                side.partial.add(run["partial"])
                if whole_data:
                    continue
            if run["status"] == "failed":
                side.failed.append(f"{run['baseline']} seed {run['seed']} failed")
            else:
                values = self._values.get((run["machine"], run["suite"], run["run_id"]), {})
                side.done[run["machine"], int(run["seed"])] = run | {"values": values}
        return side


def _values(records: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, float]]:
    values: dict[tuple[str, str, str], dict[str, float]] = {}
    columns = (records[name].tolist() for name in ("machine", "suite", "run_id", "metric", "value"))
    for machine, suite, run_id, metric, value in zip(*columns, strict=True):
        values.setdefault((machine, suite, run_id), {})[metric] = float(value)
    return values


def _matched(left: Side, right: Side) -> list[tuple[Run, Run]]:
    """One pair a seed, both runs from one machine; the machine with most pairs goes first."""
    shared = sorted(set(left.done) & set(right.done))
    machines = [machine for machine, _ in shared]
    chosen: dict[int, tuple[str, int]] = {}
    for machine, seed in sorted(shared, key=lambda key: (-machines.count(key[0]), key)):
        chosen.setdefault(seed, (machine, seed))
    return [(left.done[chosen[seed]], right.done[chosen[seed]]) for seed in sorted(chosen)]
