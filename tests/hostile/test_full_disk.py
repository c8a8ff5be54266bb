"""A full disk at any stage: the run ends, no failed cell is stored, with room it goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
TIMES = ("training_time", "tuning_time")
KIB = 1024
SIZES = [16, 48, 96, 160, 224, 320, 512, 1024, 2048, 5120]
"""KiB: from no room for the folders to room for all but the tables."""
SUITE = """name = "toy"
seeds = [0, 1]
[measure]
count_samples = 1
timing = false
[[group]]
tasks = ["{task}"]
backbone = "small"
baselines = ["{baseline}"]
[group.recipe]
epochs = 1
batch_size = 20
[group.data]
{data}
"""
FULL = "No space left on device"


class Disk:
    """A file system in memory, of a size that can change."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    def hold(self, kib: int) -> None:
        """Let it have room for so many KiB, whatever it holds."""
        how = "remount," if os.path.ismount(self.folder) else ""
        words = ["mount", "-t", "tmpfs", "-o", f"{how}size={kib}k", "tmpfs", str(self.folder)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"only root mounts: {done.stderr.strip()}")

    def end(self) -> None:
        if os.path.ismount(self.folder):
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if shutil.which("mount") is None:
        pytest.skip("needs `mount`")
    made = Disk(tmp_path / "disk")
    yield made
    made.end()


def run(suite: Path, out: Path, cache: Path, data: Path | None = None) -> tuple[int, str]:
    words = [sys.executable, "-m", "liafbench", "run", str(suite), "--out", str(out)]
    words += ["--data", str(data)] if data else []
    path = os.pathsep.join([str(HERE), *sys.path])
    done = subprocess.run(
        [*words, "--jobs", "1"], capture_output=True, text=True, cwd=suite.parent,
        env={**os.environ, "PYTHONPATH": path, "LIAFBENCH_CACHE": str(cache)},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def records(out: Path) -> pd.DataFrame:
    (file,) = out.glob("toy/*/records.csv")
    frame = pd.read_csv(file)
    return frame[~frame["metric"].isin(TIMES)].reset_index(drop=True)


def stored(out: Path) -> list[str]:
    return [json.loads(path.read_text())["status"] for path in out.glob("toy/*/runs/*.json")]


def write_suite(folder: Path, task: str, baseline: str, data: str) -> Path:
    path = folder / "toy.toml"
    path.write_text(SUITE.format(task=task, baseline=baseline, data=data))
    return path


@pytest.mark.soak
def test_results_on_a_full_disk(disk: Disk, tmp_path: Path) -> None:
    suite = write_suite(tmp_path, "digits-dvs", "talker:build", "limit = 120")
    cache = tmp_path / "cache"
    assert run(suite, tmp_path / "whole", cache)[0] == 0
    whole = records(tmp_path / "whole")
    ended = set()
    for size in SIZES:
        disk.hold(size)
        out = disk.folder / "out"
        code, printed = run(suite, out, cache)
        assert "Traceback" not in printed, printed
        assert set(stored(out)) <= {"done"}, printed
        ended.add(code)
        if code:
            assert code == 2, printed
            assert FULL in printed, printed
            assert "free some space and start again" in printed, printed
        disk.hold(64 * KIB)
        code, printed = run(suite, out, cache)
        assert code == 0, printed
        assert not list(out.rglob("*.damaged*")), printed
        pd.testing.assert_frame_equal(whole, records(out))
        disk.end()
    assert ended == {0, 2}


@pytest.mark.soak
@pytest.mark.parametrize("size", [16, 64, 200])
def test_the_frame_cache_on_a_full_disk(size: int, disk: Disk, tmp_path: Path) -> None:
    sys.path[:0] = [str(TESTS / "tasks"), str(TESTS / "events")]
    from fabricated_sets import write_nmnist

    data = tmp_path / "data"
    write_nmnist(data / "nmnist")
    suite = write_suite(tmp_path, "nmnist", "cnn", "allow_partial = true")
    assert run(suite, tmp_path / "whole", tmp_path / "cache", data)[0] == 0
    disk.hold(size)
    out = tmp_path / "out"
    code, printed = run(suite, out, disk.folder / "cache", data)
    assert "Traceback" not in printed, printed
    assert set(stored(out)) <= {"done"}, printed
    if code:
        assert code == 2, printed
        assert FULL in printed, printed
    disk.hold(64 * KIB)
    code, printed = run(suite, out, disk.folder / "cache", data)
    assert code == 0, printed
    pd.testing.assert_frame_equal(records(tmp_path / "whole"), records(out))
