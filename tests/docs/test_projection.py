"""The projection page shows what the command makes of the committed results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from liafbench.baselines.errors import UsageError
from liafbench.bench import suites
from liafbench.bench.cli.main import app
from liafbench.bench.projection import Rates, Span, makespan, project
from liafbench.bench.runfiles import Provenance
from liafbench.bench.runs.store import Store

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results"
COSTS = RESULTS / "counting" / "costs.csv"


def test_the_page_shows_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "projection.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- projection -->\n(.*?)\n<!-- /projection -->", page, re.DOTALL)
    assert shown is not None
    monkeypatch.chdir(ROOT)
    command = re.search(r"^    liafbench (project .*)$", page, re.MULTILINE)
    assert command is not None
    done = CliRunner().invoke(app, command.group(1).split())
    assert done.exit_code == 0, done.output
    assert shown.group(1).strip() == done.output.strip()


def test_what_was_measured_is_projected_to_what_was_measured() -> None:
    """Projecting quick, which is among the measured cells, gives its own time."""
    folder = next((RESULTS / "quick").iterdir())
    rates = Rates([folder], COSTS)
    found = project(suites.load("quick"), rates)
    frame = [line.split(",") for line in (folder / "records.csv").read_text().splitlines()]
    measured = sum(float(row[9]) for row in frame if row[8] == "training_time")
    assert rates.cells == 45
    hours = found.hours(1)
    assert hours.low * 3600 <= measured <= hours.high * 3600
    assert hours.middle * 3600 == pytest.approx(measured, rel=0.05)


def test_a_training_that_was_counted_again_is_one_measurement(tmp_path: Path) -> None:
    folder = next((RESULTS / "quick").iterdir())
    trained = next(run for run in Store(folder).all() if run.kind == "train")
    told = trained.provenance.plain() | {"counted_again": {"trained_as": trained.run_id}}
    store = Store(tmp_path / "quick" / "here")
    store.prepare()
    store.write(trained)
    store.write(trained.model_copy(update={"run_id": "f" * 16, "provenance": Provenance(**told)}))
    assert Rates([store.folder], COSTS).cells == 1


@given(st.lists(st.floats(0, 1e6), max_size=50), st.integers(1, 64))
def test_the_end_lies_between_its_bounds(seconds: list[float], workers: int) -> None:
    end = makespan(seconds, workers)
    longest, share = max(seconds, default=0.0), sum(seconds) / workers
    assert max(longest, share) - 1e-6 * (1 + share) <= end <= share + longest + 1e-6 * (1 + share)


def test_the_end_by_hand() -> None:
    assert makespan([3, 2, 2], 2) == 4
    assert Span.of([3.0, 1.0, 2.0]) == Span(1.0, 2.0, 3.0)


def test_a_missing_table_of_costs_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run counting"):
        Rates([RESULTS], tmp_path / "costs.csv")
