"""A whole run, made once a session by the product itself, to lie beside hostile entries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hostile_entries import Whole

SUITE = """name = "toy"
seeds = [0]
[measure]
count_samples = 1
timing_rounds = 1
timing_batch = 2
[[group]]
tasks = ["digits-dvs"]
backbone = "small"
baselines = ["cnn", "klif"]
[group.recipe]
epochs = 1
batch_size = 64
[group.data]
limit = 100
"""


@pytest.fixture(scope="session")
def suite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite of the whole run."""
    path = tmp_path_factory.mktemp("suite") / "toy.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture(scope="session")
def whole(suite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Two trainings and their timing: run files, plan, records, tables, checkpoints."""
    out = tmp_path_factory.mktemp("whole")
    words = [sys.executable, "-m", "liafbench", "run", str(suite_file), "--out", str(out)]
    done = subprocess.run([*words, "--jobs", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (out / "toy").iterdir()
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }
    return Whole("toy", folder.name, files)
