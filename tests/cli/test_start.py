"""Help and lists start without the libraries that take seconds to import."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from liafbench.bench.cli.commands import COMMANDS, load

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "pandas", "scipy", "sklearn", "matplotlib", "plotly", "spikingjelly", "snntorch")
PROBE = """
import contextlib, sys
from liafbench.bench.cli.main import main
sys.argv = ["liafbench", *sys.argv[1:]]
with contextlib.suppress(SystemExit):
    main()
print("IMPORTED", *sys.modules)
"""


def imported(*words: str) -> set[str]:
    """The modules that a call of the command leaves imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words], capture_output=True, text=True, check=True
    )
    *answer, modules = done.stdout.splitlines()
    assert answer
    return set(modules.split())


@pytest.mark.parametrize(
    "words", [["--help"], ["list", "baselines"], ["list", "tasks"], ["list", "engines"]]
)
def test_nothing_heavy_is_imported(words: list[str]) -> None:
    found = imported(*words)
    assert "liafbench.bench.cli.main" in found
    assert not found & set(HEAVY)


@pytest.mark.skipif(not (ROOT / "results").exists(), reason="installed without its checkout")
def test_results_are_read_without_torch(tmp_path: Path) -> None:
    for suite in ("quick", "throughput"):
        shutil.copytree(ROOT / "results" / suite, tmp_path / suite)
    assert "torch" not in imported("tables", str(tmp_path))
    assert "torch" not in imported("cite", str(tmp_path))


def test_the_registry_of_baselines_is_read_without_torch() -> None:
    code = (
        "import sys; from liafbench.baselines import BASELINES; "
        "print(*BASELINES, BASELINES['klif'].bibtex, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("liaf-net klif")
    assert done.stdout.split()[-1] == "False"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_first_line_of_the_help(name: str) -> None:
    assert load(name).help.splitlines()[0] == COMMANDS[name].summary
