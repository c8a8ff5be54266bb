"""A network that cannot be counted keeps its accuracy; the counts are n/a, and all say why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

SUPPORT = Path(__file__).resolve().parents[1] / "support"
SUITE = """
name = "toy"
seeds = [0]
[measure]
count_samples = 2
timing = false
[[group]]
tasks = ["digits-dvs"]
backbone = "small"
baselines = ["inverter:build", "lif-snn"]
[group.recipe]
epochs = 1
batch_size = 20
[group.data]
limit = 300
"""
REASON = "cannot count operator aten::_linalg_svd"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The suite through the command, in a process of its own."""
    folder = tmp_path_factory.mktemp("uncountable")
    (folder / "toy.toml").write_text(SUITE)
    return folder, _run(folder, "run", str(folder / "toy.toml"), "--out", str(folder / "out"))


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(SUPPORT), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "liafbench", *words], cwd=folder, text=True, check=False,
        capture_output=True, env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
    )  # fmt: skip


def _runs(folder: Path) -> dict[str, dict[str, object]]:
    files = (folder / "out").glob("toy/*/runs/*.json")
    found = [json.loads(path.read_text()) for path in files]
    return {run["config"]["baselines"][0]: run for run in found if run["kind"] == "train"}


def test_the_command_says_what_is_missing_and_ends_with_1(ran) -> None:
    _, done = ran
    assert done.returncode == 1, done.stderr
    assert "no counts train digits-dvs inverter:build" in " ".join(done.stderr.split())
    assert REASON in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "0 failed" in done.stdout


def test_the_accuracy_and_the_weights_are_stored_and_the_counts_have_a_reason(ran) -> None:
    folder, _ = ran
    run, other = _runs(folder)["inverter:build"], _runs(folder)["lif-snn"]
    metrics = {record["metric"] for record in run["records"]}
    assert run["status"] == "done"
    assert "test_accuracy" in metrics
    assert not {"mac_dense", "ac", "weights"} & metrics
    assert REASON in run["unmeasured"]["counts"]
    assert run["curves"]["validation_accuracy"]
    assert list((folder / "out").glob(f"toy/*/checkpoints/{run['run_id']}.pt"))
    assert other["unmeasured"] == {}
    assert other["findings"] == []
    assert "mac_dense" in {record["metric"] for record in other["records"]}


def test_the_tables_say_so(ran) -> None:
    folder, _ = ran
    records = pd.concat(pd.read_csv(path) for path in (folder / "out").glob("toy/*/records.csv"))
    assert set(records[records["metric"] == "test_accuracy"]["baseline"]) == {
        "inverter:build",
        "lif-snn",
    }
    pages = "\n".join(p.read_text() for p in (folder / "out").glob("toy/*/tables/*.md"))
    assert f"seed 0: counts not measured: UncountableError: {REASON}" in pages.replace("\\", "")


def test_it_is_still_incomplete_when_nothing_is_left_to_run(ran) -> None:
    folder, _ = ran
    again = _run(folder, "run", str(folder / "toy.toml"), "--out", str(folder / "out"))
    assert again.returncode == 1
    assert "0 run now" in again.stdout
    assert REASON in " ".join(again.stderr.split())
