"""Every command of the documentation is run, as far as it is cheap, or understood.

A command is a line of an indented or fenced block that begins with `liafbench`; comments, pipes
and `&&` end it. Words in capitals stand for what a reader has. `run` is run as a dry run. Commands
that take long or load data are parsed with all their options instead: PARSED names them.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from support.fabricated import time_run, train_run, write_runs
from typer.testing import CliRunner

from liafbench.bench.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    path
    for path in (
        ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "examples").rglob("*.md")),
    )
    if path.exists()
]  # fmt: skip
STANDS_FOR = {
    "SUITE": "quick", "RESULTS": "results", "RESULTS_A": "results", "RESULTS_B": "again",
    "DIR": "data", "BASELINE": "klif", "TASK": "digits-dvs", "$TASK": "nmnist",
    "task=$TASK": "task=nmnist", "ENGINE": "reference", "A": "results", "B": "again",
    "results/quick/A": "results", "results/quick/B": "again",
}  # fmt: skip
PARSED = (
    "time", "throughput", "costs", "data fetch", "data clear", "check",
    "run liaf-net --dry-run --workers", "run klif --dry-run --workers",
)  # fmt: skip
"""Timing, counting, downloads, data and hours of estimates: parsed only; they have own tests."""
WRONG_ON_PURPOSE = 1
_END = re.compile(r"\s(?:[|>&#]|&&).*$")


def commands_of(text: str) -> list[str]:
    """The liafbench commands of a page's blocks, one line each."""
    found = []
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        command = line.strip().removeprefix("$ ")
        if (fenced or line.startswith("    ")) and command.startswith("liafbench "):
            found.append(_END.sub("", command).strip())
    return found


def inline_commands_of(text: str) -> list[str]:
    """The liafbench commands within sentences and tables."""
    return [each for each in re.findall(r"`(liafbench [^`]+)`", text) if "..." not in each]


COMMANDS = sorted({line for page in PAGES for line in commands_of(page.read_text("utf-8"))})
CHEAP = [
    line
    for line in COMMANDS
    if not line.startswith(tuple(f"liafbench {name}" for name in PARSED)) and " --run " not in line
]
INLINE = sorted({line for page in PAGES for line in inline_commands_of(page.read_text("utf-8"))})


def words_of(command: str) -> list[str]:
    return [STANDS_FOR.get(word, word) for word in shlex.split(command)[1:]]


def understood(words: list[str]) -> None:
    """Parse a command with all its options; it raises for what is not there."""
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            assert any(words[0] in option.opts for option in command.params), words[0]
            return
        assert words[0] in command.commands, f"no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    if words:  # a sentence may name a command without its arguments
        command.make_context("liafbench", list(words))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder: results of a suite, again on another day, the example, a data folder."""
    root = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "examples" / "own_model", root, dirs_exist_ok=True)
    for name in ("results", "again"):
        runs = [
            train_run(baseline, 80.0 + seed, task=task, backbone=backbone, seed=seed)
            for task, backbone in (("digits-dvs", "small"), ("cifar10-dvs", "liaf"))
            for baseline in ("liaf-net", "klif", "lstm")
            for seed in (0, 1)
        ]
        write_runs(root / name, [*runs, time_run({"liaf-net": 100.0, "klif": 90.0, "lstm": 50.0})])
    for task in ("nmnist", "fashion-mnist", "mnist", "cifar10", "babi"):
        (root / "data" / task).mkdir(parents=True)
    return root


def test_the_documentation_has_commands() -> None:
    assert len(COMMANDS) > 15
    assert {page.name for page in PAGES} >= {"index.md", "extending.md", "reproducing.md"}


@pytest.mark.parametrize("command", [*COMMANDS, *INLINE])
def test_every_command_is_understood(command: str) -> None:
    understood(words_of(command))


@pytest.mark.parametrize("command", CHEAP)
def test_every_cheap_command_runs(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LIAFBENCH_DATA", str(folder / "data"))
    words = words_of(command)
    if words[0] == "run" and "--dry-run" not in words:
        words.append("--dry-run")
    if "--device" in words and words[words.index("--device") + 1] == "cuda":
        words[words.index("--device") + 1] = "auto"
    done = CliRunner().invoke(app, words)
    expected = (0, WRONG_ON_PURPOSE) if words[:2] == ["data", "check"] else (0,)
    assert done.exit_code in expected, done.output + repr(done.exception)
    assert done.output.strip()


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages <= set(re.findall(r"\]\(([a-z0-9-]+\.md)\)", index))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
