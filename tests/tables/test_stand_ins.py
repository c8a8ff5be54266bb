"""At equal budget stand the reference and whoever is within its budget already, marked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.fabricated import time_run, train_run, write_runs

from liafbench.bench.results.labels import FAMILY_TASKS
from liafbench.bench.tables.accuracy import FAMILY_MEAN, accuracy
from liafbench.bench.tables.comparison import comparison, unfinished
from liafbench.bench.tables.render import render
from liafbench.bench.tables.write import read_records

MARK = "as at equal backbone"
SIZES = {"liaf-net": 10_000.0, "klif": 10_500.0, "lif-snn": 9_500.0, "gru": 10_501.0}


def scaled(baseline: str, value: float, reference: str = "liaf-net", **where: Any) -> dict:
    run = train_run(
        baseline, value, budget="equal-budget", counts={"parameters": 10_100.0}, **where
    )
    run["config"]["budget_reference"] = reference
    return run


def at_backbone(**where: Any) -> list[dict]:
    values = {"liaf-net": 95.0, "klif": 93.0, "lif-snn": 92.0, "gru": 97.0}
    return [
        train_run(name, value, counts={"parameters": SIZES[name]}, **where)
        for name, value in values.items()
    ]


def at_budget(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["budget"] == "equal-budget"].set_index("baseline")


def test_within_five_percent_of_the_reference_stand_at_equal_budget(tmp_path: Path) -> None:
    runs = [*at_backbone(), scaled("gru", 94.0)]
    frame = at_budget(comparison(read_records(write_runs(tmp_path, runs))).frame)
    assert dict(frame["test_accuracy"]) == {
        "liaf-net": 95.0, "klif": 93.0, "lif-snn": 92.0, "gru": 94.0,
    }  # fmt: skip
    assert dict(frame["mark"]) == dict.fromkeys(("liaf-net", "klif", "lif-snn"), MARK) | {"gru": ""}


def test_the_reference_takes_its_rank_at_equal_budget(tmp_path: Path) -> None:
    """Without it, a scaled network would be called the best of them."""
    results = read_records(write_runs(tmp_path, [*at_backbone(), scaled("gru", 94.0)]))
    blocks = render(comparison(results), "md").split("## ")[1:]
    (text,) = [block for block in blocks if "equal-budget" in block.splitlines()[0]]
    best = next(line for line in text.splitlines() if "**95.00" in line)
    assert "LIAF-Net (as at equal backbone)" in best
    assert "rows marked 'as at equal backbone' are within the budget already" in text
    (line,) = [
        line for line in render(accuracy(results), "md").splitlines() if "equal-budget" in line
    ]
    assert "**95.00†**" in line
    assert "*94.00*" in line
    assert "†: as at equal backbone" in render(accuracy(results), "md")


@pytest.mark.parametrize("reference", ["klif", ""])
def test_the_budget_is_the_one_that_was_matched(tmp_path: Path, reference: str) -> None:
    """KLIF's 10,500 take in GRU, and no longer LIF-SNN; nobody knows the budget of old files."""
    runs = [*at_backbone(), scaled("lif-snn", 90.0, reference)]
    frame = at_budget(comparison(read_records(write_runs(tmp_path, runs))).frame)
    expected = {"lif-snn", "klif", "liaf-net", "gru"} if reference else {"lif-snn"}
    assert set(frame.index) == expected


def test_other_places_do_not_stand_in(tmp_path: Path) -> None:
    runs = [*at_backbone(task="mnist"), *at_backbone(data={"contrast": 2.0}), scaled("gru", 94.0)]
    frame = at_budget(comparison(read_records(write_runs(tmp_path, runs))).frame)
    assert list(frame.index) == ["gru"]


def test_whoever_ran_at_equal_budget_stands_with_that_run(tmp_path: Path) -> None:
    """Also where it failed: a run at equal backbone does not hide that."""
    runs = [*at_backbone(), scaled("klif", 70.0)]
    failed = train_run("lif-snn", None, budget="equal-budget")
    frame = at_budget(comparison(read_records(write_runs(tmp_path, [*runs, failed]))).frame)
    assert frame["test_accuracy"]["klif"] == 70.0
    assert frame["status"]["lif-snn"] == "failed"
    assert frame["mark"]["liaf-net"] == MARK


def test_speed_is_not_taken_from_another_interleaved_run(tmp_path: Path) -> None:
    runs = [*at_backbone(), scaled("gru", 94.0), time_run({"liaf-net": 500.0, "gru": 400.0})]
    frame = at_budget(comparison(read_records(write_runs(tmp_path, runs))).frame)
    assert math.isnan(frame["inference_throughput"]["liaf-net"])


def test_states_stand_in_too_and_nothing_is_listed_twice(tmp_path: Path) -> None:
    runs = [*at_backbone(), train_run("klif", None, seed=1), scaled("gru", 94.0)]
    results = read_records(write_runs(tmp_path, runs))
    assert at_budget(comparison(results).frame)["status"]["klif"] == "incomplete"
    assert len(unfinished(results)) == 1


def test_the_mean_over_babi_stands_in(tmp_path: Path) -> None:
    runs = []
    for task in FAMILY_TASKS:
        where = {"task": task, "backbone": "tokens"}
        runs += [*at_backbone(**where), scaled("gru", 94.0, **where)]
    frame = accuracy(read_records(write_runs(tmp_path, runs))).frame
    mean = frame[(frame["task"] == FAMILY_MEAN) & (frame["budget"] == "equal-budget")].iloc[0]
    assert (mean["liaf-net"], mean["liaf-net_mark"], mean["gru_mark"]) == (95.0, MARK, "")
