"""One module opens run files, plans and suites, whatever the command."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_entries import Whole
from sandbox import run

import liafbench.bench
from liafbench.bench.runfiles import reading

PRODUCT = Path(str(liafbench.bench.__file__)).resolve().parent
BOUNDARY = Path(reading.__file__).resolve()


class Watch:
    """Notes who opens files of some names for reading: the innermost module of the product."""

    def __init__(self, log: Path, endings: tuple[str, ...]) -> None:
        self.log, self.endings = log, endings

    def __call__(self) -> None:
        sys.addaudithook(self._hear)

    def _hear(self, event: str, given: tuple[object, ...]) -> None:
        if event != "open" or not isinstance(given[0], (str, bytes, os.PathLike)):
            return
        path, flags = os.fsdecode(given[0]), given[2]
        reads = isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY
        if not reads or not path.endswith(self.endings) or flags & os.O_DIRECTORY:
            return
        who = next((name for name in _callers() if _in_product(name)), "nobody of the product")
        handle = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, json.dumps([path, who]).encode() + b"\n")
        os.close(handle)

    def found(self) -> list[tuple[str, Path]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(path, Path(who)) for path, who in map(json.loads, lines)]


def _callers() -> Iterator[str]:
    frame = sys._getframe(2)
    while frame is not None:
        yield os.path.realpath(frame.f_code.co_filename)
        frame = frame.f_back  # type: ignore[assignment]


def _in_product(name: str) -> bool:
    return Path(name).is_relative_to(PRODUCT)


def test_nothing_but_the_boundary_opens_run_files_plans_and_suites(
    tmp_path: Path, whole: Whole, suite_file: Path
) -> None:
    for name in ("results", "again", "cwd"):
        (tmp_path / name).mkdir()
    whole.write(tmp_path / "results")
    whole.write(tmp_path / "again")
    suite = shutil.copy(suite_file, tmp_path / "toy.toml")
    at = str(tmp_path / "results")
    trained = next(
        Path(name).stem
        for name in whole.run_files
        if whole.document(name)["config"]["baselines"] == ["cnn"]
    )
    file = str(tmp_path / "results" / whole.suite / whole.machine / "runs" / f"{trained}.json")
    count = ["count", "cnn", "--task", "digits-dvs", "--samples", "1", "--results", at, "--run"]
    commands = [
        ["tables", at],
        ["report", at, "-o", str(tmp_path / "report.html")],
        ["figure", at, "-o", str(tmp_path / "figure.svg")],
        ["compare", at, str(tmp_path / "again")],
        ["cite", at],
        ["list", "suites"],
        [*count, trained],
        [*count, file],
        ["run", str(suite), "--out", at, "--dry-run"],
        ["run", str(suite), "--out", at, "--jobs", "1"],
    ]
    watch = Watch(tmp_path / "opened", (".json", ".toml"))
    outcomes = run(commands, tmp_path / "cwd", watch)
    assert [each.code for each in outcomes] == [0] * len(commands), outcomes
    opened = watch.found()
    ours = [(path, who) for path, who in opened if _is_ours(path, tmp_path)]
    assert {Path(path).name for path, _ in ours} >= {"plan.json", "toy.toml", f"{trained}.json"}
    assert {who for _, who in ours} == {BOUNDARY}


def _is_ours(path: str, folder: Path) -> bool:
    return Path(path).is_relative_to(folder) or "/suites/" in path


@pytest.mark.parametrize("way", ["read_text", "open", "os.open"])
def test_the_watch_sees_who_opens(way: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    watch = Watch(tmp_path / "opened", (".json",))

    def opens() -> None:
        watch()
        path = tmp_path / "plan.json"
        if way == "read_text":
            path.read_text()
        elif way == "open":
            path.open().close()
        else:
            os.close(os.open(path, os.O_RDONLY))

    run([], tmp_path, opens)
    assert watch.found() == [(str(tmp_path / "plan.json"), Path("nobody of the product"))]
