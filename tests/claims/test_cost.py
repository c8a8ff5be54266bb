"""Cost claims: ratios of counts, still images left out, spikes accounted for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.fabricated import train_run, write_runs

from liafbench.bench.claims import CLAIMS, ItemVerdict, Judgement, Verdict, judge
from liafbench.bench.claims.definitions import (
    KLIF_PAPER,
    KLIF_SMALL,
    LIAF_PAPER,
    LIAF_SMALL,
    STILL,
    Claim,
    Scope,
)
from liafbench.bench.results import load


def claim(name: str, scope: Scope) -> Claim:
    return next(c for c in CLAIMS if c.name == name and c.scope.suites == scope.suites)


def verdict(folder: Path, runs: list[dict[str, Any]], one: Claim) -> Judgement:
    return judge(load(write_runs(folder, runs)), [one])[0]


def everywhere(
    one: Claim, counts: Callable[[str, str, int], dict[str, float]], n: int = 1
) -> list[dict[str, Any]]:
    """Runs of both sides on every task of a claim; `counts(baseline, task, seed)`."""
    return [
        train_run(baseline, 90.0, suite=one.scope.suites[0], task=task, backbone=item.backbone,
                  seed=seed, counts=counts(baseline, task, seed))
        for item in one.scope.items
        for task in item.tasks
        for baseline in (one.subject, one.other)
        for seed in range(n)
    ]  # fmt: skip


WEIGHTS = claim("weights: liaf-net << conv-lstm", LIAF_PAPER)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(1000.0, Verdict.HOLDS), (5000.0, Verdict.HOLDS), (5001.0, Verdict.FAILS)],
)
def test_far_fewer_is_at_most_half(tmp_path: Path, weights: float, expected: Verdict) -> None:
    """Structure needs one seed only."""
    runs = everywhere(
        WEIGHTS, lambda b, t, s: {"weights": weights if b == "liaf-net" else 10_000.0}
    )
    found = verdict(tmp_path, runs, WEIGHTS)
    assert found.verdict == expected
    assert found.findings[0].interval is not None
    assert found.findings[0].interval.estimate == pytest.approx(weights / 10_000)


def test_one_task_above_half_refutes_everywhere(tmp_path: Path) -> None:
    def counts(baseline: str, task: str, seed: int) -> dict[str, float]:
        big = baseline != "liaf-net" or task == "mnist-dvs"
        return {"weights": 10_000.0 if big else 100.0}

    found = verdict(tmp_path, everywhere(WEIGHTS, counts), WEIGHTS)
    assert (found.verdict, found.reason) == (Verdict.FAILS, "on mnist-dvs")


def test_every_block_of_babi_has_to_be_far_below(tmp_path: Path) -> None:
    one = claim("mac_dense: liaf-net << lstm", LIAF_PAPER)

    def counts(baseline: str, task: str, seed: int) -> dict[str, float]:
        return {"mac_dense": 9.0 if baseline == "liaf-net" and task == "babi-qa7" else
                1.0 if baseline == "liaf-net" else 10.0}  # fmt: skip

    found = verdict(tmp_path, everywhere(one, counts), one)
    babi = next(f for f in found.findings if f.item.is_family)
    assert babi.verdict == Verdict.FAILS
    assert babi.interval is not None
    assert (babi.interval.low, babi.interval.high) == pytest.approx((0.1, 0.9))


def test_measured_operations_need_their_interval(tmp_path: Path) -> None:
    one = claim("mac_effective: liaf-net << conv3d", LIAF_PAPER)

    def counts(middle: float) -> Callable[[str, str, int], dict[str, float]]:
        return lambda b, t, s: {
            "mac_effective": middle * (1 + 0.02 * (s % 3)) if b == "liaf-net" else 1000.0
        }

    assert verdict(tmp_path / "a", everywhere(one, counts(300), 6), one).verdict == Verdict.HOLDS
    assert verdict(tmp_path / "b", everywhere(one, counts(490), 6), one).verdict == (
        Verdict.UNDECIDED
    )
    assert verdict(tmp_path / "c", everywhere(one, counts(600), 6), one).verdict == Verdict.FAILS
    few = verdict(tmp_path / "d", everywhere(one, counts(300), 5), one)
    assert few.verdict == Verdict.UNDECIDED
    assert "5 of 6 paired seeds" in few.reason


def test_what_was_not_counted_is_missing(tmp_path: Path) -> None:
    runs = everywhere(WEIGHTS, lambda b, t, s: {"weights": 100.0 if b == "liaf-net" else 1e4})
    for run in runs:
        if run["config"]["task"] == "mnist-dvs":
            run["records"] = [r for r in run["records"] if r["metric"] != "weights"]
    found = verdict(tmp_path, runs, WEIGHTS)
    assert found.verdict == Verdict.PARTLY
    assert "mnist-dvs (weights not counted)" in found.reason


def test_no_cost_of_liaf_is_judged_on_still_images() -> None:
    judged = [c for c in CLAIMS if c.test == "far fewer"]
    assert judged
    for one in judged:
        assert not set(STILL) & {task for item in one.scope.items for task in item.tasks}
    accuracy = claim("liaf-net > lif-snn", LIAF_SMALL)
    assert {"mnist", "fashion-mnist"} <= {item.name for item in accuracy.scope.items}


NO_EXTRA = claim("cost: klif = lif-snn", KLIF_PAPER)


def klif_counts(**klif: float) -> Callable[[str, str, int], dict[str, float]]:
    lif = {"ac": 1000.0, "spike_rate": 0.1, "neuron_updates": 50.0, "weights": 10.0}
    return lambda b, t, s: lif | (klif if b == "klif" else {})


@pytest.mark.parametrize(
    ("klif", "expected"),
    [
        ({}, Verdict.HOLDS),
        ({"ac": 900.0, "spike_rate": 0.09}, Verdict.HOLDS),
        ({"ac": 1500.0, "spike_rate": 0.15}, Verdict.HOLDS),
        ({"ac": 1500.0, "spike_rate": 0.1}, Verdict.UNDECIDED),
        ({"weights": 10.5}, Verdict.FAILS),
        ({"neuron_updates": 51.0}, Verdict.FAILS),
        ({"mac_dense": 2e6}, Verdict.FAILS),
    ],
)
def test_no_extra_cost(tmp_path: Path, klif: dict[str, float], expected: Verdict) -> None:
    found = verdict(tmp_path, everywhere(NO_EXTRA, klif_counts(**klif), 6), NO_EXTRA)
    assert found.verdict == expected


@pytest.mark.parametrize(
    ("ac", "mac", "expected"),
    [
        (500.0, 1400.0, Verdict.HOLDS),  # together 1900 of 2000, by as many spikes
        (1000.0, 1150.0, Verdict.HOLDS),
        (1000.0, 1250.0, Verdict.UNDECIDED),
        (0.0, 2300.0, Verdict.UNDECIDED),  # AC alone would say: far cheaper
    ],
)
def test_pooled_spikes_cause_macs_that_count_too(
    tmp_path: Path, ac: float, mac: float, expected: Verdict
) -> None:
    def counts(baseline: str, task: str, seed: int) -> dict[str, float]:
        lif = {"ac": 1000.0, "mac_effective": 1000.0, "spike_rate": 0.1}
        return lif | ({"ac": ac, "mac_effective": mac} if baseline == "klif" else {})

    found = verdict(tmp_path, everywhere(NO_EXTRA, counts, 6), NO_EXTRA)
    assert found.verdict == expected
    finding = found.findings[0]
    assert finding.interval is not None
    assert finding.interval.estimate == pytest.approx((ac + mac) / 2000)
    assert finding.metric == "ac + mac_effective"
    assert f"AC {ac / 1000:.3g}" in finding.aside


def test_no_extra_cost_shows_what_it_does_not_judge(tmp_path: Path) -> None:
    counts = klif_counts(elementwise=110_000.0)
    finding: ItemVerdict = verdict(tmp_path, everywhere(NO_EXTRA, counts, 6), NO_EXTRA).findings[0]
    assert "elementwise operations 2" in finding.aside


def test_what_spikes_cause_needs_the_seeds_and_equal_weights_one(tmp_path: Path) -> None:
    few = verdict(tmp_path / "a", everywhere(NO_EXTRA, klif_counts(), 5), NO_EXTRA)
    assert few.verdict == Verdict.UNDECIDED
    assert "5 of 6 paired seeds" in few.reason
    assert few.findings[0].interval is not None
    other = verdict(tmp_path / "b", everywhere(NO_EXTRA, klif_counts(weights=11.0)), NO_EXTRA)
    assert other.verdict == Verdict.FAILS


def test_no_extra_cost_on_partial_data_is_marked(tmp_path: Path) -> None:
    small = claim("cost: klif = lif-snn", KLIF_SMALL)
    found = verdict(tmp_path, everywhere(small, klif_counts(), 6), small)
    notes = {finding.item.name: finding.note for finding in found.findings}
    assert notes["mnist-events-simulated"] == "partial data"  # the suite's own limit
    assert notes["mnist"] == ""
    dearer = verdict(tmp_path, everywhere(small, klif_counts(weights=11.0), 6), small)
    notes = {finding.item.name: finding.note for finding in dearer.findings}
    assert dearer.verdict == Verdict.FAILS
    assert notes["mnist-events-simulated"] == "partial data; weights ratio 1.1"


def test_no_extra_cost_not_run(tmp_path: Path) -> None:
    found = verdict(tmp_path, [train_run(suite="quick")], NO_EXTRA)
    assert found.verdict == Verdict.NOT_RUN
