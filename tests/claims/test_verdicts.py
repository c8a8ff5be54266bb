"""Every verdict from fabricated records, and what must not change one."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fabricated import train_run, write_runs

from liafbench.bench.claims import CLAIMS, Judgement, Verdict, judge
from liafbench.bench.claims.definitions import KLIF_PAPER, LIAF_PAPER, LIAF_SMALL, Claim, Scope
from liafbench.bench.results import load
from liafbench.bench.results.labels import FAMILY_TASKS

SPREAD = np.array([-0.3, 0.1, 0.25, -0.15, 0.05, 0.05, 0.2, -0.2])
KLIF_TASKS = tuple(item.tasks[0] for item in KLIF_PAPER.items)
BUDGETS = ("equal-backbone", "equal-budget")


def claim(name: str, scope: Scope) -> Claim:
    return next(c for c in CLAIMS if c.name == name and c.scope.suites == scope.suites)


def seeds(
    baseline: str, accuracy: float, task: str, n: int = 6, *, swing: float = 1.0, **where: Any
) -> list[dict[str, Any]]:
    """One run a seed, whose accuracies swing around `accuracy`, the other way for `lif-snn`."""
    sign = -1.0 if baseline == "lif-snn" else 1.0
    place = {"suite": "klif", "backbone": "plif"} | where
    return [
        train_run(baseline, accuracy + sign * swing * SPREAD[seed], task=task, seed=seed, **place)
        for seed in range(n)
    ]


def verdicts(
    folder: Path, runs: Sequence[dict[str, Any]], one: Claim
) -> tuple[Judgement, Judgement]:
    results = load(write_runs(folder, list(runs)))
    backbone, budget = judge(results, [one])
    assert (backbone.budget, budget.budget) == BUDGETS
    return backbone, budget


KLIF_BETTER = claim("klif > lif-snn", KLIF_PAPER)


def klif_runs(gain: float = 2.0, tasks: Sequence[str] = KLIF_TASKS, **where: Any) -> list[dict]:
    return [
        run
        for task in tasks
        for run in [
            *seeds("klif", 90.0 + gain, task, **where),
            *seeds("lif-snn", 90.0, task, **where),
        ]
    ]


def test_better_everywhere_holds(tmp_path: Path) -> None:
    backbone, _ = verdicts(tmp_path, klif_runs(), KLIF_BETTER)
    assert backbone.verdict == Verdict.HOLDS
    first = backbone.findings[0]
    assert first.interval is not None
    assert first.interval.estimate == pytest.approx(2 * (1 + SPREAD[:6].mean()), abs=0.1)
    assert first.p_exact == pytest.approx(2 / 2**6)


def test_both_budgets_are_judged_apart(tmp_path: Path) -> None:
    runs = klif_runs(2.0) + klif_runs(-2.0, budget="equal-budget")
    backbone, budget = verdicts(tmp_path, runs, KLIF_BETTER)
    assert (backbone.verdict, budget.verdict) == (Verdict.HOLDS, Verdict.FAILS)


@pytest.mark.parametrize(
    ("parameters", "verdict"),
    [(12_345.0, Verdict.HOLDS), (12_900.0, Verdict.HOLDS), (13_000.0, Verdict.PARTLY)],
)
def test_within_the_budget_already_need_not_run_twice(
    tmp_path: Path, parameters: float, verdict: Verdict
) -> None:
    """KLIF has 12,345 parameters here: up to 5 % more is the same network at equal budget."""
    runs = [r for task in KLIF_TASKS for r in seeds("klif", 92.0, task)]
    for task in KLIF_TASKS:
        runs += seeds("lif-snn", 90.0, task, counts={"parameters": parameters})
    backbone, budget = verdicts(tmp_path, runs, KLIF_BETTER)
    assert (backbone.verdict, budget.verdict) == (Verdict.HOLDS, verdict)


def test_one_sure_counterexample_refutes(tmp_path: Path) -> None:
    runs = klif_runs(2.0, KLIF_TASKS[1:]) + klif_runs(-2.0, KLIF_TASKS[:1])
    backbone, _ = verdicts(tmp_path, runs, KLIF_BETTER)
    assert backbone.verdict == Verdict.FAILS
    assert backbone.reason == "on mnist"


def weakly_worse() -> list[dict]:
    """KLIF worse on mnist with p of about 0.02."""
    return [
        run
        for seed, loss in enumerate((-1.0, -0.2, -0.6, 0.2, -1.1, -0.7))
        for run in (
            train_run("klif", 90.0 + loss, task="mnist", seed=seed, suite="klif", backbone="plif"),
            train_run("lif-snn", 90.0, task="mnist", seed=seed, suite="klif", backbone="plif"),
        )
    ]


def test_a_counterexample_that_holms_correction_takes_back_does_not_refute(tmp_path: Path) -> None:
    """One p of 0.02 among five tasks that show nothing is no refutation of the whole."""
    runs = klif_runs(0.05, KLIF_TASKS[1:]) + weakly_worse()
    backbone, _ = verdicts(tmp_path, runs, KLIF_BETTER)
    finding = backbone.findings[0]
    assert finding.interval is not None
    assert finding.interval.high < 0
    assert finding.verdict == Verdict.FAILS
    assert finding.p < 0.05
    assert backbone.verdict == Verdict.UNDECIDED


def test_tasks_that_were_not_run_do_not_make_it_easier_to_refute(tmp_path: Path) -> None:
    """The family of Holm's correction is all six tasks, however few were run."""
    alone, _ = verdicts(tmp_path, weakly_worse(), KLIF_BETTER)
    assert alone.findings[0].p < 0.05
    assert alone.findings[0].p > 0.05 / 6
    assert alone.verdict == Verdict.PARTLY


def test_an_interval_around_zero_is_undecided(tmp_path: Path) -> None:
    runs = klif_runs(2.0, KLIF_TASKS[1:]) + klif_runs(0.05, KLIF_TASKS[:1])
    backbone, _ = verdicts(tmp_path, runs, KLIF_BETTER)
    assert backbone.verdict == Verdict.UNDECIDED
    assert "mnist" in backbone.reason


@pytest.mark.parametrize("n", [1, 2, 5])
def test_below_six_pairs_a_single_task_is_undecided(tmp_path: Path, n: int) -> None:
    backbone, _ = verdicts(tmp_path, klif_runs(20.0, n=n), KLIF_BETTER)
    assert backbone.verdict == Verdict.UNDECIDED
    assert f"{n} of 6 paired seeds" in backbone.reason


def test_a_missing_task_makes_it_partly_run(tmp_path: Path) -> None:
    backbone, _ = verdicts(tmp_path, klif_runs(2.0, KLIF_TASKS[:-2]), KLIF_BETTER)
    assert backbone.verdict == Verdict.PARTLY
    assert backbone.reason == "missing: cifar10-dvs, dvs128-gesture"


def test_a_missing_side_makes_it_partly_run(tmp_path: Path) -> None:
    runs = klif_runs(2.0, KLIF_TASKS[1:]) + seeds("klif", 92.0, "mnist")
    backbone, _ = verdicts(tmp_path, runs, KLIF_BETTER)
    assert backbone.verdict == Verdict.PARTLY
    assert "mnist (lif-snn not run)" in backbone.reason


def test_seeds_that_do_not_pair_are_no_pairs(tmp_path: Path) -> None:
    runs = klif_runs(2.0, KLIF_TASKS[1:])
    runs += seeds("klif", 92.0, "mnist", 3)
    runs += [train_run("lif-snn", 90.0, task="mnist", suite="klif", backbone="plif", seed=9)]
    backbone, _ = verdicts(tmp_path, runs, KLIF_BETTER)
    assert "no seed in common" in backbone.reason


def test_nothing_run(tmp_path: Path) -> None:
    backbone, budget = verdicts(tmp_path, [train_run("klif", suite="quick")], KLIF_BETTER)
    assert (backbone.verdict, budget.verdict) == (Verdict.NOT_RUN, Verdict.NOT_RUN)


def test_a_failed_seed_is_never_averaged_away(tmp_path: Path) -> None:
    failed = train_run("klif", None, task="mnist", suite="klif", backbone="plif", seed=7)
    backbone, _ = verdicts(tmp_path, [*klif_runs(), failed], KLIF_BETTER)
    assert backbone.verdict == Verdict.UNDECIDED
    assert "klif seed 7 failed" in backbone.reason


def test_stale_runs_judge_nothing(tmp_path: Path) -> None:
    backbone, _ = verdicts(tmp_path, klif_runs(numerics=0), KLIF_BETTER)
    assert backbone.verdict == Verdict.NOT_RUN


@pytest.mark.parametrize(
    "changed", [{"recipe": {"epochs": 9}}, {"data": {"contrast": 1.2}}, {"data": {"limit": 100}}]
)
def test_only_the_shipped_suites_recipe_and_data_are_judged(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    runs = klif_runs(2.0, KLIF_TASKS[1:]) + seeds("klif", 92.0, "mnist")
    other = seeds("lif-snn", 90.0, "mnist", **changed)
    backbone, _ = verdicts(tmp_path / "a", runs + other, KLIF_BETTER)
    assert backbone.verdict == Verdict.PARTLY
    assert "mnist (lif-snn not judged: recipe differs)" in backbone.reason
    backbone, _ = verdicts(tmp_path / "b", klif_runs(2.0, **changed), KLIF_BETTER)
    assert backbone.verdict == Verdict.NOT_RUN
    assert "mnist (not judged: recipe differs)" in backbone.reason


def test_a_recipe_that_a_suite_no_longer_has_is_not_judged(tmp_path: Path) -> None:
    """Every field counts; fields that a run does not say are at their default."""
    runs = klif_runs(2.0)
    for run in runs:
        recipe = run["config"]["recipe"]
        run["config"]["recipe"] = {k: v for k, v in recipe.items() if k != "channels_last"}
    assert verdicts(tmp_path, runs, KLIF_BETTER)[0].verdict == Verdict.HOLDS
    for run in runs:
        run["config"]["recipe"] = run["config"]["recipe"] | {"weight_decay": 0.1}
    assert verdicts(tmp_path, runs, KLIF_BETTER)[0].verdict == Verdict.NOT_RUN


def test_a_limit_is_not_the_whole_data(tmp_path: Path) -> None:
    """The small suite says a limit itself: judged there, and marked."""
    small = claim("liaf-net > lif-snn", LIAF_SMALL)
    where = {"suite": "claims-small", "backbone": "small"}
    task = "mnist-events-simulated"
    runs = seeds("liaf-net", 92.0, task, **where) + seeds("lif-snn", 90.0, task, **where)
    finding = next(f for f in verdicts(tmp_path, runs, small)[0].findings if f.item.name == task)
    assert (finding.verdict, finding.note) == (Verdict.HOLDS, "partial data")
    whole = replace(small, scope=replace(small.scope, whole_data=True))
    finding = next(f for f in verdicts(tmp_path, runs, whole)[0].findings if f.item.name == task)
    assert finding.note == "partial data does not count"


def test_a_planned_seed_that_was_not_run_leaves_its_task_open(tmp_path: Path) -> None:
    runs = klif_runs(2.0, n=7)
    write_runs(tmp_path, runs[1:])  # seed 0 of KLIF on mnist is not there
    cells = [
        {"run_id": run["run_id"], "kind": "train", "baseline": run["config"]["baselines"][0]}
        | {key: run["config"][key] for key in ("task", "backbone", "engine", "budget", "seed")}
        for run in runs
    ]
    plan = {"schema": 1, "suite": "klif", "cells": cells}
    (tmp_path / "klif" / "test-cpu" / "plan.json").write_text(json.dumps(plan))
    (backbone, _) = judge(load(tmp_path), [KLIF_BETTER])
    assert backbone.verdict == Verdict.PARTLY
    assert backbone.reason == "missing: mnist (planned and not run: seed 0)"


def test_a_tuned_learning_rate_is_no_other_recipe(tmp_path: Path) -> None:
    runs = klif_runs()
    for place, run in enumerate(runs):
        tuned = {"learning_rate": 10.0 ** -(place % 3 + 2)}
        run["config"]["recipe"] = run["config"]["recipe"] | tuned
    backbone, _ = verdicts(tmp_path, runs, KLIF_BETTER)
    assert backbone.verdict == Verdict.HOLDS


def partial(runs: list[dict]) -> list[dict]:
    for run in runs:
        run["provenance"]["data"] = {"partial": True, "note": "1000 recordings"}
    return runs


def test_partial_data_does_not_count_for_the_papers_claims(tmp_path: Path) -> None:
    tasks = [task for task in KLIF_TASKS if task != "nmnist"]
    runs = klif_runs(2.0, tasks) + partial(klif_runs(2.0, ["nmnist"]))
    backbone, _ = verdicts(tmp_path, runs, KLIF_BETTER)
    assert backbone.verdict == Verdict.PARTLY
    assert "nmnist (partial data does not count)" in backbone.reason


def test_partial_data_is_marked_where_it_counts(tmp_path: Path) -> None:
    small = claim("liaf-net > lif-snn", LIAF_SMALL)
    where = {"suite": "claims-small", "backbone": "small"}
    runs = seeds("liaf-net", 92.0, "nmnist", **where) + seeds("lif-snn", 90.0, "nmnist", **where)
    backbone, _ = verdicts(tmp_path, partial(runs), small)
    finding = next(f for f in backbone.findings if f.item.name == "nmnist")
    assert (finding.verdict, finding.note) == (Verdict.HOLDS, "partial data")


def babi_runs(gains: Sequence[float], other: str = "gru", n: int = 1, **where: Any) -> list[dict]:
    place = {"suite": "liaf-net", "backbone": "tokens"} | where
    return [
        train_run(baseline, 60.0 + (gain if baseline == "liaf-net" else 0.0) + seed, task=task,
                  seed=seed, **place)
        for task, gain in zip(FAMILY_TASKS, gains, strict=False)
        for baseline in ("liaf-net", other)
        for seed in range(n)
    ]  # fmt: skip


COMPARABLE = claim("liaf-net ~ gru", LIAF_PAPER)


@pytest.mark.parametrize(
    ("centre", "spread", "verdict"),
    [
        (0.5, 2.0, Verdict.HOLDS),
        (-6.0, 2.0, Verdict.FAILS),
        (6.0, 2.0, Verdict.FAILS),
        (0.0, 9.0, Verdict.UNDECIDED),
        (-2.0, 2.0, Verdict.UNDECIDED),
    ],
)
def test_comparable_on_babi_by_its_blocks(
    tmp_path: Path, centre: float, spread: float, verdict: Verdict
) -> None:
    """One seed a task is enough: the twenty tasks are the units."""
    gains = centre + spread * np.resize([1.0, -1.0], 20)
    backbone, _ = verdicts(tmp_path, babi_runs(gains), COMPARABLE)
    assert backbone.verdict == verdict
    assert backbone.findings[0].interval is not None
    assert backbone.findings[0].interval.kind == "t over 20 tasks"
    assert 0 < backbone.findings[0].p_exact <= 1


def test_babi_without_all_its_tasks_is_partly_run(tmp_path: Path) -> None:
    backbone, _ = verdicts(tmp_path, babi_runs([0.0] * 18), COMPARABLE)
    assert backbone.verdict == Verdict.PARTLY
    assert "2 of 20 tasks: babi-qa19, babi-qa20" in backbone.reason


def test_babi_of_either_suite_will_do(tmp_path: Path) -> None:
    gains = np.resize([1.0, -1.0], 20)
    runs = babi_runs(gains, suite="claims-small")
    backbone, _ = verdicts(tmp_path, runs, COMPARABLE)
    assert backbone.verdict == Verdict.HOLDS


def test_seeds_of_two_machines_pair_on_their_own_machine(tmp_path: Path) -> None:
    """Subject on one machine and other on the next share no pair."""
    write_runs(tmp_path, seeds("klif", 92.0, "mnist"), machine="a")
    write_runs(tmp_path, seeds("lif-snn", 90.0, "mnist"), machine="b")
    backbone, _ = verdicts(tmp_path, klif_runs(2.0, KLIF_TASKS[1:]), KLIF_BETTER)
    assert "no seed in common" in backbone.reason
    write_runs(tmp_path, seeds("lif-snn", 90.0, "mnist", 3), machine="a")
    backbone, _ = verdicts(tmp_path, klif_runs(2.0, KLIF_TASKS[1:]), KLIF_BETTER)
    assert "3 of 6 paired seeds" in backbone.reason


def test_test_samples_widen_the_interval(tmp_path: Path) -> None:
    """Fifty test samples cannot tell 92 % from 90 %, however well the seeds agree."""
    without, with_samples = (
        verdicts(tmp_path / str(samples), klif_runs(2.0, samples=samples), KLIF_BETTER)[0]
        for samples in (0, 50)
    )
    assert without.verdict == Verdict.HOLDS
    assert with_samples.verdict == Verdict.UNDECIDED
    kind = with_samples.findings[0].interval.kind
    assert kind == "hierarchical over 6 seeds x 50 test samples"


def test_no_verdict_changes_with_order_or_test_curves(tmp_path: Path) -> None:
    runs = klif_runs(2.0, KLIF_TASKS[1:]) + klif_runs(-0.4, KLIF_TASKS[:1]) + babi_runs([0.0] * 20)
    results = load(write_runs(tmp_path / "a", runs))
    random.Random(0).shuffle(runs)
    for run in runs:
        run["records"].reverse()
        run["curves"]["test_accuracy"] = [99.9, 12.0]
        best = run["records"][0] | {"metric": "best_test_accuracy", "value": 99.9, "unit": "%"}
        run["records"].append(best)
    changed = load(write_runs(tmp_path / "b", runs))
    assert repr(judge(results)) == repr(judge(changed))  # a NaN is not equal to itself
    assert {j.verdict for j in judge(results)} >= {Verdict.NOT_RUN, Verdict.UNDECIDED}
