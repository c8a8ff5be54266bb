"""How the process may start and end: streams closed or full, no locale, a script without guard."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hostile_entries import Whole

from liafbench.baselines.errors import UsageError
from liafbench.bench import tasks
from liafbench.bench.runs import pool

SUITE = """name = "ends"
seeds = [0]
[measure]
count_samples = 1
timing = false
[[group]]
tasks = ["digits-dvs"]
backbone = "small"
baselines = ["{baseline}"]
[group.recipe]
epochs = 1
batch_size = 64
[group.data]
limit = 100
"""
ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def results(whole: Whole, tmp_path: Path) -> Path:
    whole.write(tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "ends.toml"
    path.write_text(SUITE.format(baseline="cnn"))
    return path


def shell(
    words: list[str], how: str, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command in a shell, with its redirections and pipes."""
    command = 'exec "$0" -m liafbench "$@" ' + how
    if "|" in how:
        command = '"$0" -m liafbench "$@" ' + how + '; exit "${PIPESTATUS[0]}"'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, *words], capture_output=True, text=True, cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )  # fmt: skip


def statuses(out: Path) -> list[str]:
    return [json.loads(path.read_text())["status"] for path in out.glob("*/*/runs/*.json")]


COMMANDS = (["list"], ["list", "--json"], ["compare"])


def full(command: list[str], results: Path) -> list[str]:
    return [*command, str(results), str(results)] if command == ["compare"] else command


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("> /dev/full", 2, "error: the output cannot be written: No space left on device"),
        (">&-", 0, "standard output is closed"),
        ("<&- >&- 2>&-", 0, ""),
        ("| head -0", 1, ""),
        ("> /dev/null 2> /dev/full", None, ""),
    ],
)
def test_streams_that_take_nothing(
    command: list[str], how: str, code: int | None, said: str, results: Path, tmp_path: Path
) -> None:
    done = shell(full(command, results), how, tmp_path)
    if code is None:  # what goes to stderr decides
        assert done.returncode in (0, 2)
    elif how == "| head -0":  # which may have read before it left
        assert done.returncode in (0, code)
    else:
        assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("how", ["<&- >&- 2>&-", "> /dev/full 2> /dev/full"])
def test_a_run_without_streams_stores_what_it_ran(how: str, suite: Path, tmp_path: Path) -> None:
    done = shell(["run", str(suite), "--out", "out"], how, tmp_path)
    assert done.returncode == (0 if "&-" in how else 2)
    assert statuses(tmp_path / "out") == ["done"]
    for path in (tmp_path / "out").glob("*/*/plan.json"):
        json.loads(path.read_text())  # nothing was printed into it
    again = shell(["run", str(suite), "--out", "out"], "", tmp_path)
    assert (again.returncode, "1 there already" in again.stdout) == (0, True), again.stderr


@pytest.mark.parametrize("command", [*COMMANDS, ["run"]], ids=" ".join)
def test_characters_that_the_encoding_lacks_are_escaped(
    command: list[str], results: Path, suite: Path, tmp_path: Path
) -> None:
    words = full(command, results)
    if command == ["run"]:
        words = ["run", str(suite), "--dry-run", "--out", str(tmp_path / "außen")]
    done = shell(words, "", tmp_path, **ASCII)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    if "--json" in words:
        assert json.loads(done.stdout) == json.loads(shell(words, "", tmp_path).stdout)


@pytest.mark.parametrize(("mask", "mode"), [("077", 0o600), ("022", 0o644)])
def test_files_have_the_mode_that_the_user_chose(
    mask: str, mode: int, results: Path, tmp_path: Path
) -> None:
    words = ["bash", "-c", f'umask {mask}; exec "$@"', "-", sys.executable, "-m", "liafbench"]
    subprocess.run([*words, "tables", str(results)], check=True, capture_output=True)
    written = list(results.glob("claims/tables/*"))
    assert written
    assert {path.stat().st_mode & 0o777 for path in written} == {mode}


def test_a_script_without_a_main_guard_is_told_so(suite: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom liafbench.bench.cli.main import main\n"
        f"sys.argv = ['liafbench', 'run', {str(suite)!r}, '--out', 'out']\nmain()\n"
    )
    words = [sys.executable, str(script)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert all(line.startswith("error: ") for line in done.stderr.splitlines()), done.stderr
    assert "__main__" in done.stderr.splitlines()[-1]
    assert statuses(tmp_path / "out") == []


BUILDS = {
    "raises": "raise RuntimeError('first line\\nsecond line')",
    "exits": "import sys; sys.exit(0)",
    "exits with text": "import sys; sys.exit('bye')",
    "recurses": "return build(backbone)",
}


@pytest.mark.parametrize("kind", BUILDS)
def test_a_network_that_cannot_be_built_is_one_line(kind: str, tmp_path: Path) -> None:
    name = f"outside_build_{kind.replace(' ', '_')}"
    (tmp_path / f"{name}.py").write_text(f"def build(backbone):\n    {BUILDS[kind]}\n")
    done = shell(["count", f"{name}:build", "--task", "digits-dvs"], "", tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {name}:build: building the network failed: "), line


def test_a_cell_whose_network_cannot_be_built_says_so(tmp_path: Path) -> None:
    (tmp_path / "outside_exits.py").write_text(
        "def build(backbone):\n    import sys; sys.exit(3)\n"
    )
    path = tmp_path / "ends.toml"
    path.write_text(SUITE.format(baseline="outside_exits:build"))
    done = shell(["run", str(path), "--out", "out"], "", tmp_path)
    assert done.returncode == 1, done.stderr
    assert "building the network failed: SystemExit: 3 (outside_exits.py, line 2)" in done.stderr
    path.write_text(path.read_text().replace("[group.recipe]", BUDGET))
    done = shell(["run", str(path), "--out", "other"], "", tmp_path)
    assert done.returncode == 2, done.stderr
    assert not (tmp_path / "other").exists()


BUDGET = 'budgets = ["equal-budget"]\n[group.recipe]'


def test_what_a_network_prints_when_it_is_built_is_no_part_of_the_document(tmp_path: Path) -> None:
    (tmp_path / "outside_prints.py").write_text(
        "import torch\ndef build(backbone):\n    print('hello')\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.LazyLinear(10))\n"
    )
    done = shell(["time", "outside_prints:build", "--task", "digits-dvs", "--json"], "", tmp_path)
    json.loads(done.stdout)
    assert "hello" in done.stderr


VALUES = [
    ("digits-dvs", "frames", 0), ("digits-dvs", "frames", 10**18), ("digits-dvs", "contrast", 0),
    ("digits-dvs", "amplitude", -1.0), ("mnist-events-simulated", "frames", -3),
    ("nmnist", "by", "bad"), ("nmnist", "values", "bad"), ("nmnist", "by", "window"),
    ("nmnist", "clip", 3), ("cifar10-dvs", "by", "bad"), ("dvs128-gesture", "time_steps", 10**9),
    ("mnist-dvs", "scales", []), ("mnist-dvs", "scales", [3]), ("mnist-dvs", "scales", [[4]]),
    ("babi-qa1", "edition", "fr"), ("babi", "edition", ""),
]  # fmt: skip


@pytest.mark.parametrize(("task", "option", "value"), VALUES)
def test_values_of_data_options_are_checked_before_anything_is_read(
    task: str, option: str, value: object, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=rf"^{task}: "):
        tasks.get(task).check({option: value})
    with pytest.raises(UsageError, match=rf"^{task}: ") as caught:
        tasks.load(task, tmp_path, **{option: value})
    assert "no folder" not in str(caught.value)


def test_every_default_of_every_task_is_taken() -> None:
    for task in tasks.TASKS.values():
        for backbone in task.backbones:
            task.check({}, backbone)
            task.check(dict(task.options), backbone)


@pytest.mark.parametrize("error", [EOFError(), ConnectionRefusedError(111, "Connection refused")])
def test_a_fork_server_that_dies_is_one_line(error: Exception, tmp_path: Path) -> None:
    class Context:
        Pipe = staticmethod(multiprocessing.Pipe)

        class Process:
            def __init__(self, **_: object) -> None: ...

            def start(self) -> None:
                raise error

    slot = pool._Slot(Context(), tmp_path, 1)
    with pytest.raises(UsageError, match=r"the fork server has ended.*start again"):
        slot.start(SimpleNamespace(device="cpu"))
