"""From cells to a whole run: workers side by side, and measured runs that estimate themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from liafbench.bench import suites
from liafbench.bench.cli.main import app
from liafbench.bench.runs.cells import training_cells
from liafbench.bench.runs.estimate import Estimates, Quantity, makespan
from liafbench.bench.runs.store import Store

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_measured_cells_estimate_themselves() -> None:
    """The estimates of quick from its own runs add up to the seconds its runs took."""
    (folder,) = (RESULTS / "quick").iterdir()
    took = sum(run.seconds for run in Store(folder).all() if run.kind == "train")
    estimates = Estimates.of_results([RESULTS / "quick"])
    cells = list(training_cells(suites.load("quick")))
    found = [estimates.of(cell).seconds for cell in cells]
    assert len(found) == 45
    assert all(each.low <= each.value <= each.high for each in found)  # type: ignore[operator]
    assert sum(each.low or 0 for each in found) <= took <= sum(each.high or 0 for each in found)
    assert sum(each.value or 0 for each in found) == pytest.approx(took, rel=0.05)


def test_a_recurrent_form_without_runs_stands_at_its_feed_forward_form() -> None:
    """Stories: by samples alone, whatever the number of MACs."""
    estimates = Estimates.of_results([RESULTS / "quick"])
    story = next(c for c in training_cells(suites.load("quick")) if c.baseline == "klif"
                 and c.backbone == "tokens")  # fmt: skip
    recurrent = estimates.of(replace(story, baselines=("klif-recurrent",))).seconds
    assert recurrent.value == pytest.approx(estimates.of(story).seconds.value)
    assert recurrent.source == "samples, from 3 runs of klif on this task"


def test_a_dry_run_for_more_workers(tmp_path: Path) -> None:
    words = ["run", "quick", "--dry-run", "--only", "task=babi-sim", "--out", str(tmp_path)]
    said = {}
    for workers in ("1", "64"):
        more = ["--workers", workers, "--measured", str(RESULTS / "quick")]
        done = CliRunner().invoke(app, [*words, *more])
        assert done.exit_code == 0, done.output
        said[workers] = next(line for line in done.output.splitlines() if "cells to run" in line)
        assert f"with --jobs {workers}" in said[workers]
    assert said["1"].split("with")[0] != said["64"].split("with")[0]
    assert not list(tmp_path.iterdir())


def test_names_in_measured_runs_are_not_imported(tmp_path: Path) -> None:
    (folder,) = (RESULTS / "quick").iterdir()
    trained = next(run for run in Store(folder).all() if run.kind == "train")
    cell = next(training_cells(suites.load("real-small")))
    marker = tmp_path / "imported"
    (tmp_path / "planted.py").write_text(f"open({str(marker)!r}, 'w')\n")
    config = trained.config.model_copy(
        update={"baselines": [cell.baseline], "task": "planted:Task"}
    )
    planted = trained.model_copy(update={"config": config})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        assert Estimates([planted]).of(cell).seconds.value is None
    assert not marker.exists()


@given(st.lists(st.floats(0, 1e6), max_size=50), st.integers(1, 64))
def test_the_end_lies_between_its_bounds(seconds: list[float], workers: int) -> None:
    end = makespan(seconds, workers)
    longest, share = max(seconds, default=0.0), sum(seconds) / workers
    assert max(longest, share) - 1e-6 * (1 + share) <= end <= share + longest + 1e-6 * (1 + share)


def test_the_end_by_hand() -> None:
    assert makespan([3, 2, 2], 2) == 4
    assert Quantity.median([3.0, 1.0, 2.0], "") == Quantity(2.0, "", low=1.0, high=3.0)
