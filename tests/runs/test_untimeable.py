"""A network whose timing fails keeps everything else, and so do the networks timed with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).resolve().parents[1] / "support"
SUITE = """
name = "toy"
seeds = [0]
[measure]
count_samples = 2
timing_batch = 1
timing_rounds = 1
[[group]]
tasks = ["digits-dvs"]
backbone = "small"
baselines = ["normalised:build", "lif-snn"]
[group.recipe]
epochs = 1
batch_size = 20
[group.data]
limit = 300
"""
REASON = "ValueError: Expected more than 1 value per channel when training"
TRAINING = {"training_throughput", "forward_time", "backward_time", "optimizer_time"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The suite through the command, in a process of its own."""
    folder = tmp_path_factory.mktemp("untimeable")
    (folder / "toy.toml").write_text(SUITE)
    path = os.pathsep.join([str(SUPPORT), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "liafbench", "run", "toy.toml", "--out", "out"],
        cwd=folder, text=True, check=False, capture_output=True,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
    )  # fmt: skip
    return folder, done


def _runs(folder: Path, kind: str) -> list[dict[str, Any]]:
    files = (folder / "out").glob("toy/*/runs/*.json")
    return [run for run in map(json.loads, (f.read_text() for f in files)) if run["kind"] == kind]


def test_the_command_says_which_timing_is_missing_and_ends_with_1(ran) -> None:
    _, done = ran
    said = " ".join(done.stderr.split())
    assert done.returncode == 1, said
    assert "no timing of normalised:build (training)" in said
    assert REASON in said
    assert "Traceback" not in said
    assert "0 failed" in done.stdout


def test_the_others_are_timed_and_what_could_be_timed_is_kept(ran) -> None:
    (run,) = _runs(ran[0], "time")
    metrics = {
        name: {r["metric"] for r in run["records"] if r["baseline"] == name}
        for name in ("normalised:build", "lif-snn")
    }
    assert metrics["lif-snn"] > TRAINING | {"inference_throughput", "latency_p50", "peak_memory"}
    assert metrics["normalised:build"] == metrics["lif-snn"] - TRAINING - {"peak_memory"}
    assert set(run["unmeasured"]) == {
        "timing of normalised:build (training)",
        "timing of normalised:build (memory)",
    }
    assert all(REASON in reason for reason in run["unmeasured"].values())


def test_nothing_of_the_trained_cells_is_lost(ran) -> None:
    runs = _runs(ran[0], "train")
    assert {run["config"]["baselines"][0] for run in runs} == {"normalised:build", "lif-snn"}
    for run in runs:
        assert {"test_accuracy", "mac_dense"} <= {r["metric"] for r in run["records"]}
        assert run["unmeasured"] == {}
        assert list((ran[0] / "out").glob(f"toy/*/checkpoints/{run['run_id']}.pt"))


def test_the_tables_say_so(ran) -> None:
    pages = "\n".join(p.read_text() for p in (ran[0] / "out").glob("toy/*/tables/*.md"))
    said = f"timing of normalised:build (training) not measured: {REASON}"
    assert said in pages.replace("\\", "")
