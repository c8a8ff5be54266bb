"""`data check` and `load` over data folders from strangers: one state or one line for each task."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from sandbox import run, snapshot, without_rights_over_files

from liafbench.baselines.errors import UsageError
from liafbench.bench import tasks


def _fifo(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path, outside: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("x")


def _socket(path: Path, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(outside / "s"))
    (outside / "s").rename(path)


def _unreadable(path: Path, outside: Path) -> None:
    path.write_bytes(b"x")
    path.chmod(0)


def _closed_folder(path: Path, outside: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("x")
    path.chmod(0)


def _no_archive(path: Path, outside: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 20)


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "FIFO": _fifo,
    "folder": _folder,
    "socket": _socket,
    "unreadable": _unreadable,
    "closed folder": _closed_folder,
    "link to /dev/zero": lambda path, outside: path.symlink_to("/dev/zero"),
    "link to a FIFO": lambda path, outside: path.symlink_to(outside / "fifo"),
    "looping link": lambda path, outside: path.symlink_to(path.name),
    "dangling link": lambda path, outside: path.symlink_to(outside / "nothing"),
    "empty": lambda path, outside: (path.write_bytes(b""), None)[1],
    "no archive": _no_archive,
    "text": lambda path, outside: (path.write_text("\x1b[31m\u202e" * 50), None)[1],
    "gzip head": lambda path, outside: (path.write_bytes(b"\x1f\x8b\x08\x00" + b"\0" * 40), None)[
        1
    ],
}
NAMES = [name for name, task in tasks.TASKS.items() if not task.embedded]


def official_names(name: str) -> list[str]:
    """Where files of a task may lie, below its folder; what is unpacked among them."""
    task = tasks.get(name)
    files = [*task.files, *task.downloads, *(f for some in task.editions.values() for f in some)]
    found = [each for file in files for each in (file.path, *file.also)]
    return list(dict.fromkeys([*found, *(each.name for each in task.extracted)]))


def build(base: Path, kind: str, draw: random.Random) -> None:
    """Every official name of every task, or the folder of the task itself, is of a kind."""
    lay = KINDS[kind]
    for name in NAMES:
        folder = base / "data" / tasks.get(name).folder
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        for place in draw.sample(official_names(name), min(8, len(official_names(name)))):
            path = folder / place
            if not os.path.lexists(path):
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                except (FileExistsError, NotADirectoryError):
                    continue  # its folder is itself such an entry
                if not os.path.lexists(path):
                    lay(path, base / "outside")


def check(base: Path) -> None:
    words = [["data", "check", "--data", str(base / "data"), *more] for more in ([], ["--json"])]
    before = snapshot(base / "outside")
    for outcome in run(words, base / "cwd"):
        assert outcome.fault == "", outcome
        assert outcome.code in (0, 1), outcome
        assert "Traceback" not in outcome.printed
        assert "\x1b" not in outcome.printed
        if "--json" in outcome.words:
            states = json.loads(outcome.printed)
            assert [each["task"] for each in states] == list(tasks.TASKS)
            present = {each["task"] for each in states if each["state"] == "present"}
            assert not present & set(NAMES)
    assert snapshot(base / "outside") == before


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in ("data", "cwd", "outside"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "outside" / "fifo")
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_in_the_place_of_official_files(kind: str, base: Path) -> None:
    build(base, kind, random.Random(kind))
    check(base)


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_in_the_place_of_the_folder_of_a_task(kind: str, base: Path) -> None:
    for folder in {tasks.get(name).folder for name in NAMES}:
        KINDS[kind](base / "data" / folder, base / "outside")
    check(base)


def load_all(data: Path) -> list[str]:
    """What each task says that cannot be loaded; its process ends where one waits for ever."""
    said = []
    for name in NAMES:
        signal.alarm(120)
        try:
            tasks.load(name, data, allow_partial=True, allow_unofficial=True)
        except UsageError as error:
            said.append(str(error))
        signal.alarm(0)
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_loading_them_is_one_line(kind: str, base: Path) -> None:
    build(base, kind, random.Random(kind))
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, fork, initializer=without_rights_over_files) as pool:
        said = pool.submit(load_all, base / "data").result()
    assert len(said) == len(NAMES)
    assert not [each for each in said if "\n" in each or len(each) > 1_500]
