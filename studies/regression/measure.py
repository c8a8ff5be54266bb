"""Runs asv over two commits: in environments of asv's own, or in the current one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from liafbench.baselines.errors import UsageError
from studies.regression.judge import FACTOR

RESULTS = Path(".asv/results")
BENCHMARK_FAILED = 2
WORSENED = 1
COMMAND = [sys.executable, "-m", "studies.regression.asv_here"]


@dataclass(frozen=True)
class Asv:
    """asv for one checkout, under a machine name that is not the host's."""

    root: Path
    machine: str
    only: str | None = None
    """A regular expression that the benchmarks' names must match."""
    quick: bool = False
    """Every benchmark runs once: for counts, memory and failures; one sample is no timing."""

    def prepare(self) -> None:
        """Store what asv wants to know of the machine, without questions."""
        self._run("machine", "--yes", "--machine", self.machine)

    def continuous(self, base: str, head: str) -> None:
        """Both commits in asv's own environment, rounds interleaved."""
        self._run(
            "continuous", "--show-stderr", "--interleave-rounds", "--factor", str(FACTOR),
            "--machine", self.machine, *self._chosen(), *self._how_often(), base, head,
            accept=(0, WORSENED, BENCHMARK_FAILED),
        )  # fmt: skip

    def in_current_environment(self, base: str, head: str) -> None:
        """Both commits with this Python and its packages, in turns: base, head, head, base."""
        with worktree(self.root, base) as old, worktree(self.root, head) as new:
            turns = [(base, old), (head, new), (head, new), (base, old)]
            turns = turns[:2] if self.quick else turns
            for number, (commit, checkout) in enumerate(turns):
                check_import(checkout)
                again = ["--append-samples"] if number >= 2 else []
                self._run(
                    "run", "--show-stderr", "--record-samples", *again,
                    *self._how_often("rounds=1"),
                    "--environment", f"existing:{sys.executable}", "--machine", self.machine,
                    "--set-commit-hash", commit, *self._chosen(),
                    accept=(0, BENCHMARK_FAILED), ASV_PYTHONPATH=str(checkout),
                )  # fmt: skip

    def compare(self, base: str, head: str, tool: str) -> str:
        """asv's table of what changed by more than the factor."""
        spec = "virtualenv" if tool == "virtualenv" else f"existing:{sys.executable}"
        done = subprocess.run(
            [*COMMAND, "compare", "--only-changed", "--factor", str(FACTOR),
             "--machine", self.machine, "--environment", spec, base, head],
            cwd=self.root, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise UsageError(f"asv compare: {(done.stdout + done.stderr).strip()}")
        return done.stdout

    def publish(self) -> Path:
        """The history of everything measured here as web pages; their folder."""
        if not (self.root / RESULTS).is_dir():
            raise UsageError("nothing measured yet: run `make regression` first")
        self._run("publish", "--no-pull")
        return self.root / ".asv" / "html"

    def _chosen(self) -> list[str]:
        return ["--bench", self.only] if self.only else []

    def _how_often(self, *attributes: str) -> list[str]:
        """asv's own --quick would store nothing, and so compare nothing."""
        once = ("rounds=1", "repeat=1", "number=1", "warmup_time=0.0")
        chosen = once if self.quick else attributes
        return [word for each in chosen for word in ("--attribute", each)]

    def _run(self, *words: str, accept: tuple[int, ...] = (0,), **variables: str) -> None:
        done = subprocess.run(
            [*COMMAND, *words],
            cwd=self.root,
            env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
            check=False,
        )
        if done.returncode not in accept:
            raise UsageError(f"asv {words[0]} ended with exit code {done.returncode}; see above")


def git(root: Path, *words: str) -> str:
    """Output of a git command; UsageError with git's own words when it fails."""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
    if done.returncode:
        raise UsageError(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def worktree(root: Path, commit: str) -> Iterator[Path]:
    """A checkout of a commit beside this one, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="liafbench-") as folder:
        path = Path(folder).resolve() / "checkout"
        git(root, "worktree", "add", "--detach", "--quiet", str(path), commit)
        try:
            yield path
        finally:
            git(root, "worktree", "remove", "--force", str(path))


def check_import(checkout: Path) -> None:
    """Make sure that the code measured is the checkout's and not an installed one."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from liafbench import baselines, bench; print(baselines.__file__, bench.__file__)",
        ],
        cwd=checkout.parent,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=True,
    )
    for path in done.stdout.split():
        if checkout not in Path(path).resolve().parents:
            raise UsageError(f"{path} would be measured instead of {checkout}")
