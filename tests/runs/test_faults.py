"""Whatever goes wrong, it is named, and the finished records equal those of an undisturbed run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from test_killed import assert_gone, records

from liafbench.bench.cli.main import main

HERE = Path(__file__).resolve().parent
FAULTS = 100
SEEDS = 4
SAID = {
    "raise": r"RuntimeError: sabotage \d+",
    "hang": r"exceeded its time limit of 60 s",
    "kill": r"its process was killed \(SIGKILL",
    "exit": r"its process died \(exit code 0\)",
    "memory": r"RuntimeError: .*(allocate|memory)",
    "nan": r"Diverged: ",
    "disk": r"error: .*No space left on device; free some space and start again",
    "data": r"failed.*fashion-mnist",
    "torn": r"damaged.*not a whole run file.*set aside",
    "edited": r"damaged.*edited by hand.*set aside",
    "sigterm": r"interrupted: finished cells are kept",
    "sigint": r"interrupted: finished cells are kept",
}
IN_CELL = ("raise", "hang", "kill", "exit", "memory", "nan")
OF_FILES = ("torn", "edited")
OF_PARENT = ("sigterm", "sigint", "sigkill", "twice")
WEIGHTS = {"hang": 0.6, **dict.fromkeys((*OF_PARENT, "disk", "data"), 0.6)}


class Bench:
    """Short runs of one suite in folders of their own, and what an undisturbed one gives."""

    def __init__(self, folder: Path, draw: random.Random) -> None:
        self.folder = folder
        self.draw = draw
        self.tokens = folder / "tokens"
        (self.tokens / "taken").mkdir(parents=True)
        self.suite = self._write_suite("toy", ["digits-dvs"], "limit = 100")
        self.count = 0
        self.whole = self.finished(self.out(), self.suite)

    def _write_suite(self, file: str, tasks: list[str], data: str) -> Path:
        path = self.folder / f"{file}.toml"
        path.write_text(
            f'name = "toy"\nseeds = {list(range(SEEDS))}\n'
            f"[measure]\ncount_samples = 2\ntiming = false\n[[group]]\ntasks = {tasks}\n"
            'backbone = "small"\nbaselines = ["saboteur:build"]\ntime_limit = 60\n'
            f'options = {{ tokens = "{self.tokens}" }}\n'
            f"[group.recipe]\nepochs = 2\nbatch_size = 20\n[group.data]\n{data}\n"
        )
        return path

    def out(self) -> Path:
        self.count += 1
        return self.folder / f"out-{self.count}"

    def run(self, out: Path, suite: Path, *more: str) -> tuple[int, str]:
        """`liafbench run` in this process: exit code and all it printed."""
        printed = io.StringIO()
        words = ["liafbench", "run", str(suite), "--out", str(out), *(more or ("--jobs", "2"))]
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        argv, sys.argv = sys.argv, words
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            sys.argv = argv
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return code, printed.getvalue()

    def start(self, out: Path) -> subprocess.Popen:
        words = [sys.executable, "-m", "liafbench", "run", str(self.suite), "--out", str(out)]
        path = os.pathsep.join([str(HERE), *sys.path])
        return subprocess.Popen(
            [*words, "--jobs", "2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip

    def finished(self, out: Path, suite: Path, *more: str) -> pd.DataFrame:
        """The records once everything that failed was tried again."""
        code, printed = self.run(out, suite, "--jobs", "2", "--retry-failed", *more)
        assert code == 0, printed
        return records(out)

    def check_equal(self, out: Path) -> None:
        pd.testing.assert_frame_equal(self.whole, self.finished(out, self.suite))

    def token(self, number: int, kind: str, steps: int = 6) -> None:
        (self.tokens / f"{number}-{kind}-{self.draw.randint(1, steps)}").touch()

    # One method a family of faults

    def in_cells(self, faults: list[tuple[int, str]]) -> None:
        """Each fault ends one cell; the others go on; failed ones run again only when asked."""
        for number, kind in faults:
            self.token(number, kind)
        out = self.out()
        code, printed = self.run(out, self.suite)
        assert code == 1, printed
        for _, kind in faults:
            assert re.search(SAID[kind], printed), (kind, printed)
        files = [json.loads(path.read_text()) for path in out.glob("toy/*/runs/*.json")]
        bad = [each for each in files if each["status"] == "failed"]
        assert (len(files), len(bad)) == (SEEDS, len(faults)), printed
        for each in bad:
            assert each["reason"] in printed
            assert "the end of the log" in each["log"] or "Diverged" in each["reason"]
        code, printed = self.run(out, self.suite)
        assert code == 1, printed
        assert f"0 run now, {SEEDS} there already, {len(bad)} failed" in printed
        self.check_equal(out)

    def of_a_file(self, kind: str) -> None:
        """A run file that somebody has damaged is named, set aside, and made again."""
        out = self.out()
        self.run(out, self.suite)
        path = self.draw.choice(sorted(out.glob("toy/*/runs/*.json")))
        text = path.read_text()
        if kind == "torn":
            path.write_text(text[: self.draw.randrange(len(text) - 3)])
        else:
            document = json.loads(text)
            self.draw.choice(document["records"])["value"] += 1.0
            path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        code, printed = self.run(out, self.suite)
        assert code == 0, printed
        assert re.search(SAID[kind], printed), printed
        assert path.name in printed
        assert f"1 run now, {SEEDS - 1} there already" in printed
        assert path.with_suffix(".json.damaged").exists()
        self.check_equal(out)

    def full_disk(self) -> None:
        """The run ends with one line; with space again it goes on."""
        out = self.out()
        out.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(out)], check=True)
        try:
            (self.tokens / "disk").write_text(str(out))
            self.token(0, "disk")
            code, printed = self.run(out, self.suite)
            assert code == 2, printed
            assert re.search(SAID["disk"], printed), printed
            assert "Traceback" not in printed
            (out / "filler").unlink()
            self.check_equal(out)
        finally:
            subprocess.run(["umount", "-l", str(out)], check=True)  # the lock file is still open

    def data_gone(self) -> None:
        """Cells whose data went away fail, those that had it are kept; with the data they run."""
        data = self.folder / f"data-{self.count}"
        for name in ("mnist", "fashion-mnist"):
            shutil.copytree(self.folder / "mnist", data / name)
        suite = self._write_suite("data", ["mnist", "fashion-mnist"], "allow_partial = true")
        here = ("--jobs", "1", "--data", str(data))
        whole = self.finished(self.out(), suite, *here)
        (self.tokens / "data").write_text(str(data))
        self.token(0, "data")
        out = self.out()
        code, printed = self.run(out, suite, *here)
        assert code == 1, printed
        assert len(re.findall(SAID["data"], printed)) >= 1, printed
        data.with_name("gone").rename(data)
        pd.testing.assert_frame_equal(whole, self.finished(out, suite, *here))

    def of_the_parent(self, kind: str) -> None:
        """A signal at any moment; no worker stays; the next run does what is missing."""
        out = self.out()
        process = self.start(out)
        if kind != "sigkill":  # handlers stand once the run has begun to make its folders
            while not out.exists() and process.poll() is None:
                time.sleep(0.05)
        time.sleep(self.draw.uniform(0, 6))
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(getattr(signal, kind.upper()))
        printed, _ = process.communicate(timeout=120)
        assert_gone(children)
        if process.returncode == 130:
            assert re.search(SAID[kind], printed), printed
        else:  # it may have been done before
            assert process.returncode == (-signal.SIGKILL if kind == "sigkill" else 0), printed
        assert "Traceback" not in printed
        self.check_equal(out)

    def twice(self) -> None:
        """Two runs at once on one folder: no cell is lost, none is run twice."""
        out = self.out()
        both = [self.start(out), self.start(out)]
        printed = [process.communicate(timeout=300)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], printed
        ran = [int(re.findall(r"(\d+) run now", each)[0]) for each in printed]
        assert sum(ran) == SEEDS, printed
        self.check_equal(out)


def can_mount(folder: Path) -> bool:
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True).returncode:
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True


def run_faults(folder: Path, draw: random.Random, number: int) -> dict[str, int]:
    from fabricated_sets import write_mnist

    write_mnist(folder / "mnist")
    bench = Bench(folder, draw)
    kinds = [*IN_CELL, *OF_FILES, *OF_PARENT, "data"]
    if can_mount(folder / "mounted"):
        kinds.append("disk")
    weights = [WEIGHTS.get(kind, 1.0) for kind in kinds]
    # Each kind once, the rest at random.
    drawn = kinds + draw.choices(kinds, weights, k=max(0, number - len(kinds)))
    draw.shuffle(drawn)
    inside = [(place, kind) for place, kind in enumerate(drawn) if kind in IN_CELL]
    while inside:
        size = draw.randint(1, 3)
        bench.in_cells(inside[:size])
        inside = inside[size:]
    for kind in drawn:
        if kind in OF_FILES:
            bench.of_a_file(kind)
        elif kind == "twice":
            bench.twice()
        elif kind in OF_PARENT:
            bench.of_the_parent(kind)
        elif kind == "disk":
            bench.full_disk()
        elif kind == "data":
            bench.data_gone()
    return {kind: drawn.count(kind) for kind in kinds}


@pytest.mark.soak
def test_a_hundred_random_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(HERE.parent / "tasks"))
    monkeypatch.syspath_prepend(str(HERE.parent / "events"))
    seed = int(os.environ.get("LIAFBENCH_SEED", random.randrange(10**6)))
    with capsys.disabled():
        print(f"\nfaults: seed {seed}", flush=True)  # noqa: T201 - to repeat it: LIAFBENCH_SEED
    counted = run_faults(tmp_path, random.Random(seed), FAULTS)
    with capsys.disabled():
        said = ", ".join(f"{kind} {count}" for kind, count in counted.items())
        print(f"faults: {sum(counted.values())} of {len(counted)} kinds: {said}")  # noqa: T201
