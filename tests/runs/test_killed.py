"""A run that is killed at any moment, and finished later, gives what an undisturbed one gives."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

SUITE = """
name = "toy"
seeds = [0, 1]
[[group]]
tasks = ["digits-dvs"]
backbone = "small"
baselines = ["cnn", "lstm"]
[group.data]
limit = 200
[group.recipe]
epochs = 3
batch_size = 32
[measure]
count_samples = 2
timing = false
"""
TIMES = ("training_time",)
COMMAND = [sys.executable, "-m", "liafbench", "run"]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(SUITE)
    return path


def start(suite: Path, out: Path, jobs: int = 2) -> subprocess.Popen:
    words = [*COMMAND, str(suite), "--out", str(out), "--jobs", str(jobs)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(suite: Path, out: Path) -> str:
    process = start(suite, out)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def records(out: Path) -> pd.DataFrame:
    (path,) = out.glob("toy/*/records.csv")
    frame = pd.read_csv(path)
    return frame[~frame.metric.isin(TIMES)].reset_index(drop=True)


def run_files(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in out.glob("toy/*/runs/*.json")}


def assert_gone(children: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, f"workers outlive the run: {alive}"


def test_killed_after_the_first_cell_and_finished(suite: Path, tmp_path: Path) -> None:
    """Only the missing cells run; the records equal those of an undisturbed run."""
    finish(suite, tmp_path / "whole")
    process = start(suite, tmp_path / "killed")
    while not run_files(tmp_path / "killed") and process.poll() is None:
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    assert_gone(children)
    before = run_files(tmp_path / "killed")
    output = finish(suite, tmp_path / "killed")
    after = run_files(tmp_path / "killed")
    assert {name: after[name] for name in before} == before
    assert f"{len(after) - len(before)} run now, {len(before)} there already" in output
    pd.testing.assert_frame_equal(records(tmp_path / "whole"), records(tmp_path / "killed"))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_cleanly(suite: Path, tmp_path: Path, sent: int) -> None:
    process = start(suite, tmp_path / "out")
    while not run_files(tmp_path / "out") and process.poll() is None:
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(sent)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert "finished cells are kept" in output
    assert_gone(children)
    assert not list((tmp_path / "out").glob("toy/*/runs/.*"))


@pytest.mark.soak
def test_killed_at_twenty_random_moments(suite: Path, tmp_path: Path) -> None:
    finish(suite, tmp_path / "whole")
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown by pytest when the test fails
    draw = random.Random(seed)
    out = tmp_path / "killed"
    for _ in range(20):
        process = start(suite, out)
        time.sleep(draw.uniform(0.5, 12))
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        assert_gone(children)
    finish(suite, out)
    pd.testing.assert_frame_equal(records(tmp_path / "whole"), records(out))
