"""The example as a new user meets it: an empty folder, the wheel installed, the docs followed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "own_model"
PAGE = ROOT / "docs" / "extending.md"
BLOCK = re.compile(r"^`([\w.]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENTRY_POINTS = """
[liafbench.baselines]
leaky = my_model:Leaky
gone = no_such_module:build
[liafbench.tasks]
directions = my_task:DIRECTIONS
[liafbench.metrics]
overconfidence = my_metric:overconfidence
"""


def files_of_the_page() -> dict[str, str]:
    return dict(BLOCK.findall(PAGE.read_text("utf-8")))


def test_the_page_and_the_folder_say_the_same() -> None:
    files = files_of_the_page()
    assert set(files) == {
        path.name for path in EXAMPLE.iterdir() if path.suffix in (".py", ".toml")
    }
    for name, text in files.items():
        assert (EXAMPLE / name).read_text("utf-8") == text, name


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite installed from its wheel; the libraries are this environment's."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    source = folder / "source"
    # From a copy: building writes beside the sources.
    copied = ["liafbench", "bench", "baselines", "pyproject.toml", "README.md", "LICENSE"]
    source.mkdir()
    for name in copied:
        if (ROOT / name).exists():
            subprocess.run(
                ["cp", "-r", "--no-dereference", str(ROOT / name), str(source / name)], check=True
            )
    (source / "README.md").touch()
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = folder.glob("*.whl")
    target = ["install", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel)]
    subprocess.run([*pip, *target], check=True)
    return folder / "site"


def liafbench(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    environment["COLUMNS"] = "200"
    command = [sys.executable, "-m", "liafbench", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page says to write, beside packages that nothing of the suite may import."""
    root = tmp_path_factory.mktemp("mine")
    for name in ("baselines", "bench"):
        (root / name).mkdir()
        (root / name / "__init__.py").write_text("raise ImportError('not of the suite')\n")
    for name, text in files_of_the_page().items():
        (root / name).write_text(text)
    return root


def test_the_suite_runs_from_an_empty_folder(site: Path, folder: Path) -> None:
    done = liafbench(site, folder, "run", "my_suite.toml", "--out", "results", "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 cells: 3 run now" in done.stdout
    (path,) = folder.glob("results/mine/*/records.csv")
    records = pd.read_csv(path)
    assert set(records.baseline) == {"my_model:Leaky", "liaf-net", "lstm"}
    assert set(records.task) == {"my_task:DIRECTIONS"}
    own = records[records.baseline == "my_model:Leaky"].set_index("metric").value
    # The trace is elementwise; the MACs are those of the two dense layers.
    assert own["mac_dense"] == 12 * 12 * 128 + 128 * 4
    assert own["parameters"] == 1 + (12 * 12 + 1) * 128 + (128 + 1) * 4
    assert own["test_accuracy"] > 25
    assert -100 < own["my_metric:overconfidence"] < 100


def test_an_installed_package_appears_in_the_list(site: Path, folder: Path, tmp_path: Path) -> None:
    about = tmp_path / "my_package-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    paths = Path(f"{site}{os.pathsep}{tmp_path}")
    done = liafbench(paths, folder, "list")
    assert done.returncode == 0, done.stderr
    listed = [line.split() for line in done.stdout.splitlines() if line]
    assert any(words[0] == "leaky" for words in listed)
    assert any(words[:1] == ["directions"] and "small" in words for words in listed)
    assert any(words[0] == "overconfidence" for words in listed)
    assert any(words[:2] == ["gone", "broken:"] for words in listed)
