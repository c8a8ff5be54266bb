"""A project with its own `baselines` and `bench` uses this suite beside them."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MACS = 2 * 16 * 16 * 7 + 7 * 10
"""Frames of 2 x 16 x 16 summed over time, 7 units, 10 classes."""

MODEL = """
from torch import nn

from baselines.widths import WIDTH


class Summed(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        size = backbone.sample_shape
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(size[0] * size[1] * size[2], WIDTH))
        self.head = nn.Linear(WIDTH, backbone.classes)

    def forward(self, x):
        return self.head(self.net(x.sum(0)).relu())


def build(backbone):
    return Summed(backbone)
"""

SCRIPT = """
import baselines, bench, torch
from liafbench import build, count, load

assert baselines.MINE and bench.MINE
net = build("baselines.summed:build", "digits-dvs")
print(count(net, torch.zeros(10, 1, 2, 16, 16)).mac_dense, len(load("digits-dvs", None).test))
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_own_packages_of_these_names_stay_importable(tmp_path: Path) -> None:
    for name in ("baselines", "bench"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "baselines" / "widths.py").write_text("WIDTH = 7\n")
    (tmp_path / "baselines" / "summed.py").write_text(MODEL)
    done = run(tmp_path, "-c", SCRIPT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(MACS), "355"]
    words = ("count", "baselines.summed:build", "--task", "digits-dvs", "--json")
    counted = run(tmp_path, "-m", "liafbench", *words)
    assert counted.returncode == 0, counted.stderr
    assert json.loads(counted.stdout)["mac_dense"] == MACS


def test_nothing_of_the_suite_imports_bench_or_baselines_of_the_top_level() -> None:
    """They would be the user's own."""
    named = {}
    for path in [*(ROOT / "bench").rglob("*.py"), *(ROOT / "baselines").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Import():
                    modules = [each.name for each in node.names]
                case ast.ImportFrom(level=0):
                    modules = [node.module or ""]
                case ast.Call(func=ast.Name("files"), args=[ast.Constant(str() as package)]):
                    modules = [package]
                case _:
                    continue
            if {module.partition(".")[0] for module in modules} & {"bench", "baselines"}:
                named[path] = node.lineno
    assert not named
