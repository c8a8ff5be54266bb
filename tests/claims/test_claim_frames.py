"""The claims tables, the published figures and the suites they rest on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support.fabricated import train_run, write_runs

from liafbench import baselines
from liafbench.baselines import backbones
from liafbench.baselines.budget import width_for
from liafbench.bench import suites
from liafbench.bench.claims import CLAIMS, claims_table, items_table, judge
from liafbench.bench.claims.definitions import (
    KLIF_PAPER,
    KLIF_SMALL,
    LIAF_PAPER,
    LIAF_SMALL,
    MIN_SEEDS,
    Item,
    Scope,
)
from liafbench.bench.claims.pairs import BUDGETS, EQUAL_BACKBONE
from liafbench.bench.claims.tables import DIFFERENCE
from liafbench.bench.results import Results, load
from liafbench.bench.results.labels import FAMILY_TASKS
from liafbench.bench.results.published import published, published_text
from liafbench.bench.tables.published import against_published
from liafbench.bench.tables.render import render

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    runs = [
        train_run(name, accuracy + 0.1 * seed, suite="klif", task="cifar10", backbone="plif",
                  seed=seed, extra={"best_test_accuracy": (94.0, "%")})
        for name, accuracy in (("klif", 93.0), ("lif-snn", 91.0))
        for seed in range(6)
    ]  # fmt: skip
    runs += [
        train_run("lstm", 50.0 + number, suite="liaf-net", task=task, backbone="tokens")
        for number, task in enumerate(FAMILY_TASKS)
    ]
    return load(write_runs(tmp_path, runs))


def test_claims_table(results: Results) -> None:
    table = claims_table(judge(results), results)
    frame = table.frame
    assert len(frame) == len(CLAIMS)
    row = frame[(frame["scope"] == "KLIF paper") & frame["claim"].str.contains("better")].iloc[0]
    assert row["ours equal-backbone"] == "cifar10 +2.00 [+2.00, +2.00]"
    assert "cifar10 KLIF 92.52 %" in row["published"]
    assert "CLIF (arXiv 2402.04663) Table 1 (second-hand" in row["printed in"]
    assert row["verdict equal-backbone"] == "partly run"
    assert row["why equal-backbone"].startswith("missing: mnist")
    assert row["verdict equal-budget"] == "partly run"
    for form in ("csv", "md", "tex"):
        assert "partly run" in render(table, form)


def test_items_table_corrects_over_itself(results: Results) -> None:
    frame = items_table(judge(results), results).frame
    known = frame[frame["p_exact"].notna()]
    assert known["value"].tolist() == pytest.approx([2.0, 2.0])  # one at each budget
    assert known["p_exact"].tolist() == pytest.approx([2 / 2**6] * 2)
    assert (known["p_holm"] >= known["p_exact"]).all()
    assert frame.loc[frame["p_exact"].isna(), "p_holm"].isna().all()


def test_a_test_that_two_scopes_share_is_corrected_once(tmp_path: Path) -> None:
    """bAbI in `claims-small` serves two scopes; here it is the only test that was run."""
    runs = [
        train_run(name, accuracy + number, suite="claims-small", task=task, backbone="tokens")
        for number, task in enumerate(FAMILY_TASKS)
        for name, accuracy in (("liaf-net", 55.0 + number / 10), ("lif-snn", 50.0))
    ]
    results = load(write_runs(tmp_path, runs))
    frame = items_table(judge(results), results).frame
    here = frame[(frame["budget"] == EQUAL_BACKBONE) & (frame["metric"] == DIFFERENCE)]
    known = here[here["p_exact"].notna()]
    assert len(known) > known["claim"].nunique()
    tests = len(here[["claim", "task", "backbone"]].drop_duplicates())
    assert len(here) > tests
    for _, row in known.iterrows():
        assert row["p_holm"] == pytest.approx(row["p_exact"] * tests)


def test_what_stands_beside_a_figure_is_no_reason(tmp_path: Path) -> None:
    """Ratios that are not judged: in the note of the item, not in why the claim is open."""
    runs = [
        train_run(name, suite="claims-small", task="mnist", backbone="small", counts={"ac": 10.0,
                  "spike_rate": 0.1}) for name in ("klif", "lif-snn")
    ]  # fmt: skip
    results = load(write_runs(tmp_path, runs))
    judged = [j for j in judge(results) if j.claim.test == "no extra cost"]
    assert "elementwise operations 1" in "; ".join(items_table(judged, results).frame["note"])
    assert not any("elementwise" in each.reason for each in judged)


def test_published_beside_ours(results: Results) -> None:
    frame = against_published(results).frame
    klif = frame[frame["method"] == "KLIF"].iloc[0]
    assert klif["ours"] == pytest.approx(93.25)
    assert klif["difference"] == pytest.approx(93.25 - 92.52)
    assert klif["difference_best_epoch"] == pytest.approx(94.0 - 92.52)
    mean = frame[
        (frame["task"] == "babi, mean of 20 tasks") & frame["method"].str.contains("Keras")
    ]
    assert mean["published"].tolist() == pytest.approx([60.845])
    assert mean["ours"].tolist() == pytest.approx([59.5])
    judged = frame.set_index(["task", "method"])["judged"]
    assert judged["babi-qa1", "LSTM (Keras recipe)"] == "no"
    assert judged["babi-qa3", "LSTM (Keras recipe)"] == "yes"


def test_published_figures_are_whole_and_sourced() -> None:
    frame = published()
    assert len(frame) == 2 + 3 + 18 + 40
    assert (ROOT / "results" / "published.csv").read_text() == published_text()
    required = ["method", "task", "value", "unit", "printed_in", "second_hand", "sure", "protocol"]
    assert frame[required].notna().all().all()
    assert frame["value"].between(0, 100).all()
    assert not frame.duplicated(["method", "task"]).any()
    assert set(frame["second_hand"]) == {"yes", "no"}
    assert (frame.loc[frame["sure"] == "B", "second_hand"] == "yes").all()


def fits(baseline: str, scope: Scope, item: Item) -> bool:
    """Whether a baseline has its scope's budget at equal backbone already."""
    backbone = backbones.get(item.tasks[0], item.backbone)
    return width_for(baselines.get(baseline), baselines.get(scope.reference), backbone) == 1.0


@pytest.mark.parametrize("scope", [LIAF_PAPER, LIAF_SMALL, KLIF_PAPER, KLIF_SMALL])
def test_suites_run_what_the_claims_need(scope: Scope) -> None:
    """Tasks, backbone, both sides, both budgets, enough seeds; the same recipe for both sides."""
    suite = suites.load(scope.suites[0])
    cells = pd.DataFrame(
        [
            (task, group.backbone, baseline, budget, group.recipe.model_dump_json(),
             len(group.seeds or suite.seeds))
            for group in suite.group
            for task in group.tasks
            for baseline in group.baselines
            for budget in group.budgets
        ],
        columns=["task", "backbone", "baseline", "budget", "recipe", "seeds"],
    )  # fmt: skip
    assert not cells.duplicated(["task", "backbone", "baseline", "budget"]).any()
    for claim in CLAIMS:
        if claim.scope.suites != scope.suites:
            continue
        for item in claim.scope.items:
            for task in item.tasks:
                found = cells[(cells["task"] == task) & (cells["backbone"] == item.backbone)]
                sides = found[found["baseline"].isin([claim.subject, claim.other])]
                for baseline in (claim.subject, claim.other):
                    own = sides[sides["baseline"] == baseline]
                    here = {EQUAL_BACKBONE} if fits(baseline, scope, item) else set(BUDGETS)
                    assert set(own["budget"]) >= here, (claim.name, task)
                assert sides["recipe"].nunique() == 1
                assert item.is_family or (sides["seeds"] >= MIN_SEEDS).all()


@pytest.mark.parametrize("name", ["liaf-net", "klif", "claims-small"])
def test_suites_tune_and_have_controls(name: str) -> None:
    suite = suites.load(name)
    controls: dict[str, set[str]] = {}
    for group in suite.group:
        assert len(group.recipe.learning_rate_grid) == 3
        assert group.recipe.tuning_seeds
        spiking = {"klif", "lif-snn"}
        assert group.recipe.loss == "cross-entropy" or set(group.baselines) <= spiking
        if EQUAL_BACKBONE in group.budgets:
            for task in group.tasks:
                controls.setdefault(task, set()).update(group.baselines)
    for task, found in controls.items():
        still = "bag-of-words" if task.startswith("babi") else "cnn"
        assert {"liaf-net-alpha0", still} <= found, task


def test_babi_has_one_recipe() -> None:
    groups = [suites.load(name).group[:2] for name in ("liaf-net", "claims-small")]
    assert groups[0] == groups[1]
    for group in groups[0]:
        assert sorted(group.tasks) == sorted(FAMILY_TASKS)
        assert group.recipe == groups[0][0].recipe
        assert group.count_samples == 1000, "the whole test set"
