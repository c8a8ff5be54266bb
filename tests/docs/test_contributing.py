"""The recipes of CONTRIBUTING.md, followed in a copy of the tree."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
RECIPE = re.compile(r"^`([\w./]+\.py)`\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="installed without its checkout")

FOLLOWED = """
import sys
import torch
from torch import nn
from liafbench import count
from liafbench.baselines import BASELINES
from liafbench.bench.conformance import check
from liafbench.bench.tasks import TASKS

assert "linear" in BASELINES and "glow" in TASKS
for name in ("glow", "linear"):
    for finding in check(name, "glow", None, sys.argv[1]):
        assert finding.verdict != "wrong", finding

class Length(nn.Module):
    def forward(self, x):
        return torch.hypot(x, x)

from liafbench.bench.tables.columns import column
assert (column("margins:margin").title, column("margins:margin").best) == ("margin", "high")

print(count(Length(), torch.rand(3, 5), samples=3).elementwise)
"""


SUITE = """
name = "mine"
seeds = [0]

[[group]]
tasks = ["glow"]
backbone = "small"
baselines = ["linear"]
recipe = { epochs = 1, batch_size = 32 }

[measure]
timing = false
count_samples = 0
metrics = ["margins:margin"]
"""


def recipes() -> dict[str, str]:
    return dict(RECIPE.findall(PAGE.read_text("utf-8")))


def test_a_recipe_has_at_most_ten_lines() -> None:
    found = recipes()
    assert {"baselines/models/linear.py", "bench/tasks/glow.py", "margins.py"} < set(found)
    for path, text in found.items():
        assert len([line for line in text.splitlines() if line]) <= 10, path


def test_the_recipes_are_all_there_is_to_do(tmp_path: Path) -> None:
    for name in ("bench", "baselines", "liafbench"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=ignored)
    for path, text in recipes().items():
        with (tmp_path / path).open("a") as file:
            file.write(text)
    labels = np.arange(200) % 2
    noise = np.random.default_rng(0).integers(0, 100, (200, 1, 8, 8))
    images = (noise + 100 * labels[:, None, None, None]).astype(np.uint8)
    (tmp_path / "data" / "glow").mkdir(parents=True)
    np.savez(tmp_path / "data" / "glow" / "glow.npz", images=images, labels=labels)
    done = subprocess.run(
        [sys.executable, "-c", FOLLOWED, "data"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(5 * (1 + 2 + 1))]
    (tmp_path / "mine.toml").write_text(SUITE)
    command = [sys.executable, "-m", "liafbench"]
    for arguments in (
        ["run", "mine.toml", "--data", "data", "--out", "out", "--jobs", "1"],
        ["tables", "out", "--columns", "margins:margin", "--format", "md"],
    ):
        done = subprocess.run(command + arguments, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (table,) = tmp_path.glob("out/mine/*/tables/comparison.md")
    head, _, row = [line for line in table.read_text().splitlines() if line.startswith("|")]
    assert head == "| baseline | margin |"
    assert row.startswith("| Linear on the mean frame |")
    assert math.isfinite(float(row.split("|")[2].split(" ± ")[0]))
