"""The scripts in examples/ do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SUITE = """
name = "toy"
seeds = [0]

[[group]]
tasks = ["digits-dvs"]
backbone = "small"
baselines = ["cnn"]
recipe = { learning_rate = 1e-3, epochs = 9, batch_size = 32 }
data = { limit = 200 }
"""


def test_epochs_are_chosen_by_the_fewest_near_the_best_validation_accuracy(tmp_path: Path) -> None:
    suite = tmp_path / "toy.toml"
    suite.write_text(SUITE)
    script = ROOT / "examples" / "choose_epochs.py"
    done = subprocess.run(
        [sys.executable, str(script), str(suite), "digits-dvs", "--epochs", "1", "12"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| cnn")]
    one, twelve = (float(cell) for cell in rows[0].split("|")[2:4])
    assert twelve > one + 0.5
    assert done.stdout.splitlines()[-1] == "fewest epochs within 0.5 points of the best: 12"
