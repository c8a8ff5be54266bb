"""`python -m studies.scheduling`: the overhead of a run, the gain of jobs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from liafbench.bench.cli.console import console
from liafbench.bench.runfiles import Run
from liafbench.bench.runs.store import Store

EMPTY = """
name = "empty"
seeds = {seeds}
[[group]]
tasks = ["babi-sim"]
backbone = "tokens"
baselines = ["bag-of-words"]
[group.data]
limit = 32
[group.recipe]
epochs = 1
batch_size = 32
[measure]
count_samples = 0
timing = false
"""
"""Cells as small as there are: one step of training."""


def run(suite: str, out: Path, words: Sequence[str]) -> tuple[float, list[Run]]:
    """Seconds of a whole `liafbench run`, and its runs."""
    command = [sys.executable, "-m", "liafbench", "run", suite, "--out", str(out), *words]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    return seconds, list(Store(next(next(out.iterdir()).iterdir())).all())


def overhead(
    cells: Annotated[int, typer.Option(help="cells that do nearly nothing")] = 1000,
    jobs: Annotated[int, typer.Option()] = 2,
    executor: Annotated[str, typer.Option()] = "local",
) -> None:
    """Seconds a cell of a whole run that are not in the cell: everything but the training itself.

    The start of the command, its workers and its tables are in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder) / "empty.toml"
        suite.write_text(EMPTY.format(seeds=list(range(cells))))
        words = ["--jobs", str(jobs), "--executor", executor]
        seconds, runs = run(str(suite), Path(folder) / "out", words)
    inside = sum(each.seconds for each in runs)
    # What `jobs` workers could have done in that time, less what the cells did.
    each = (seconds * jobs - inside) / cells
    console.print(
        f"{executor}, {jobs} jobs, {len(runs)} cells: {seconds:.1f} s, of which in the cells "
        f"{inside:.1f} s of work; per cell {seconds / cells * 1000:.1f} ms in all, "
        f"{each * 1000:.1f} ms of a worker beside the cell"
    )


def speed_up(
    suite: Annotated[str, typer.Option()] = "quick",
    seeds: Annotated[int, typer.Option()] = 1,
    pairs: Annotated[int, typer.Option(help="how often both are run")] = 2,
) -> None:
    """Training cells of a suite with one job and with two, as a ratio of whole runs.

    The runs alternate 1, 2, 2, 1 and so on; timing cells are left out.
    """
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.toml"
        path.write_text(without_timing(suite))
        for number, jobs in enumerate(((1, 2, 2, 1) * pairs)[: 2 * pairs]):
            words = ["--jobs", str(jobs), "--seeds", str(seeds)]
            took, runs = run(str(path), Path(folder) / str(number), words)
            seconds[jobs].append(took)
            console.print(f"{jobs} jobs, {len(runs)} cells: {took:.1f} s")
    ratio = statistics.fmean(seconds[1]) / statistics.fmean(seconds[2])
    each = [a / b for a, b in zip(seconds[1], seconds[2], strict=True)]
    console.print(f"speed-up of two jobs: {ratio:.2f} (of each pair: {min(each):.2f} to "
                  f"{max(each):.2f})")  # fmt: skip


def without_timing(suite: str) -> str:
    """The text of a shipped suite with its timing cells switched off."""
    text = (files("liafbench.bench.suites") / f"{suite}.toml").read_text(encoding="utf-8")
    return text.replace("timing = true", "timing = false")


if __name__ == "__main__":
    app = typer.Typer(help=__doc__)
    app.command("overhead")(overhead)
    app.command("speed-up")(speed_up)
    app()
