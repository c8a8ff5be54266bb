"""A data set and a baseline, one file each, in a copy of the tree; broken files beside them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TASK = '''
import numpy as np

from liafbench.bench.tasks import Shape, Split, Splits, Task
from liafbench.bench.tasks.common.samples import Images

def read(source):
    """Bars that lie or stand."""
    random = np.random.default_rng(0)
    labels = np.arange(200) % 2
    pixels = np.zeros((200, 1, 8, 8), np.uint8)
    for image, label in zip(pixels, labels):
        lying = image[0] if label else image[0].T
        lying[random.integers(8)] = 255
    samples, rows = Images(pixels, source.shape.time_steps, "bar"), np.arange(200)
    parts = rows[:120], rows[120:160], rows[160:]
    return Splits(*(Split(samples, part, labels[part]) for part in parts), provenance={})

TASKS = (Task("bars", "Bars that lie or stand", "image", 2, "", "", read, embedded=True,
              shapes={"small": Shape(3, 1, 8, 8)}),)
'''
BASELINE = """
from torch import nn

from liafbench.baselines.registry import Baseline

def fill(backbone, engine):
    pixels = backbone.channels * backbone.height * backbone.width
    return {"mean": Mean(), "classifier": nn.Linear(pixels, backbone.classes)}

class Mean(nn.Module):
    def forward(self, x):
        return x.mean(0).flatten(1)

LINEAR = Baseline("linear", "Linear of the mean frame", "", fill)
"""
SUITE = """
name = "bars"
title = "Bars"
seeds = [0]

[[group]]
tasks = ["bars"]
baselines = ["liaf-net", "linear"]
recipe = { learning_rate = 1e-2, epochs = 2, batch_size = 20 }

[measure]
count_samples = 4
timing = false
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is imported, with a file more in two folders."""
    copy = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("bench", "baselines", "liafbench"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    (copy / "bench" / "tasks" / "bars.py").write_text(TASK)
    (copy / "baselines" / "models" / "linear.py").write_text(BASELINE)
    (copy / "bars.toml").write_text(SUITE)
    return copy


def liafbench(tree: Path, *arguments: str, fails: bool = False) -> str:
    """What the command of that tree prints."""
    done = subprocess.run(
        [sys.executable, "-m", "liafbench", *arguments],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert fails == bool(done.returncode), done.stdout + done.stderr
    return " ".join(done.stderr.split()) if fails else done.stdout


def test_a_task_and_a_baseline_are_one_file_each(tree):
    rows = {row["name"]: row for row in json.loads(liafbench(tree, "list", "--json"))["tasks"]}
    assert rows["bars"]["classes"] == 2
    assert rows["bars"]["backbones"] == ["small"]
    assert "nothing wrong" in liafbench(tree, "check", "bars")
    checked = liafbench(tree, "check", "linear", "--task", "bars")
    assert "nothing wrong" in checked
    liafbench(tree, "run", "bars.toml", "--out", "results")
    runs = [json.loads(file.read_text()) for file in (tree / "results").rglob("runs/*.json")]
    assert len(runs) == 2
    assert {run["status"] for run in runs} == {"done"}
    liafbench(tree, "tables", "results")
    (table,) = (tree / "results" / "bars").rglob("tables/comparison.csv")
    assert {"liaf-net", "linear"} <= set(table.read_text().split(","))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_this_name\nTASKS = ()", "No module named 'nothing_of_this_name'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "has no attribute 'TASKS'"),
        ("TASKS = (1,)", "TASKS holds a int"),
        (TASK.replace('"bars"', '"mnist"'), "a second task of the name 'mnist'"),
        ("def", "SyntaxError"),
    ],
)
def test_a_broken_file_is_one_line_of_the_list(tree, text, reason):
    broken = tree / "bench" / "tasks" / "zz_broken.py"
    broken.write_text(text)
    try:
        named = liafbench(tree, "count", "lstm", "--task", "zz", fails=True)
        rows = json.loads(liafbench(tree, "list", "tasks", "--json"))["tasks"]
    finally:
        broken.unlink()
    assert "zz_broken.py cannot be read" in named
    assert reason in named
    assert rows[-1]["name"] == "zz_broken.py"
    assert rows[-1]["title"].startswith("broken: ")
    assert reason in rows[-1]["title"]
    assert {"mnist", "bars", "digits-dvs"} <= {row["name"] for row in rows}
