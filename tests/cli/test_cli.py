"""The command as a user meets it: help, answers, and mistakes in one line."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from liafbench.bench.cli import main as command


class Ran:
    """Exit code and output of one call of the command, run in this process."""

    def __init__(
        self, words: list[str], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["liafbench", *words])
        monkeypatch.setattr(command.signal, "signal", lambda *_: None)
        with pytest.raises(SystemExit) as ended:
            command.main()
        self.code = ended.value.code
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def call(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LIAFBENCH_DATA", raising=False)
    return lambda *words: Ran(list(map(str, words)), capsys, monkeypatch)


def test_help_names_every_command(call) -> None:
    ran = call("--help")
    assert ran.code == 0
    for name in ("run", "list", "count", "time", "tables", "report", "compare", "data", "cite"):
        assert name in ran.out


def test_list_json_is_one_document(call) -> None:
    found = json.loads(call("list", "--json").out)
    assert {"baselines", "tasks", "suites", "engines"} <= set(found)
    assert "liaf-net" in {each["name"] for each in found["baselines"]}


def test_count_json_is_one_document(call) -> None:
    assert json.loads(call("count", "lstm", "--task", "digits-dvs", "--json").out)


def test_a_dry_run_lists_cells_and_writes_nothing(call, tmp_path: Path) -> None:
    ran = call("run", "quick", "--out", tmp_path, "--dry-run", "--only", "task=babi-sim")
    assert ran.code == 0
    assert ran.out.count("missing") == 6 * 3 + 1
    assert "19 cells to run; the time of 19 is unknown" in ran.out
    assert "at least" in ran.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [["--only", "baseline=klif,lstm"], ["--only", "baseline=klif", "--only", "baseline=lstm"]],
    ids=["listed", "repeated"],
)
def test_only_takes_several_values_of_a_key(call, tmp_path: Path, words: list[str]) -> None:
    ran = call("run", "quick", "--out", tmp_path, "--dry-run", "--only", "task=babi-sim", *words)
    assert ran.code == 0
    named = {"liaf-net", "klif", "lif-snn", "lstm", "gru"} & set(ran.out.split())
    assert named == {"klif", "lstm"}
    assert ran.out.count("missing") == 2 * 3 + 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "quik"], "did you mean 'quick'"),
        (["run", "quick", "--only", "taks=digits-dvs"], "did you mean 'task'"),
        (["run", "quick", "--only", "task"], "KEY=VALUE"),
        (["run", "real-small"], "LIAFBENCH_DATA"),
        (["count", "lstn", "--task", "nmnist"], "did you mean 'lstm'"),
        (["count", "lstm", "--task", "nmnits"], "did you mean 'nmnist'"),
        (["count", "lstm", "--task", "nmnist", "--backbone", "smal"], "did you mean 'small'"),
        (["time", "lif-snn", "--task", "nmnist", "--versus", "snntroch"], "snntorch"),
        (["tables", "absent-folder"], "absent-folder"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    call, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = call(*words)
    assert ran.code == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_begins_in_a_folder_of_its_own(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never in `results`, which may be somebody else's numbers."""
    suite = tmp_path / "mine.toml"
    suite.write_text(
        'name = "mine"\nseeds = [0]\n[[group]]\ntasks = ["babi-sim"]\nbackbone = "tokens"\n'
        'baselines = ["bag-of-words"]\n[group.recipe]\nepochs = 1\nbatch_size = 8\n'
        "[group.data]\nlimit = 40\n[measure]\ntiming = false\n"
    )
    monkeypatch.chdir(tmp_path)
    assert call("run", suite).code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"mine.toml", "liafbench-results"}


def test_a_file_where_the_output_folder_should_be(call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = call("run", "quick", "--out", tmp_path / "file")
    assert ran.code == 2
    assert "--out" in ran.err


@pytest.mark.parametrize(("command", "folder"), [("costs", "counting"), ("throughput",) * 2])
def test_a_command_that_cannot_write_says_so_before_it_measures(
    call, tmp_path: Path, command: str, folder: str
) -> None:
    (tmp_path / folder).write_text("a file")
    ran = call(command, "--out", tmp_path)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "cannot be written" in ran.err


def test_files_that_are_not_the_official_ones_end_the_check_with_1(call, tmp_path: Path) -> None:
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        path = tmp_path / "mnist" / f"{name}-ubyte.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"damaged")
    assert call("data", "check", "mnist", "--data", tmp_path).code == 1
    ran = call("data", "check", "mnist", "--data", tmp_path, "--json")
    assert ran.code == 1
    assert json.loads(ran.out)[0]["state"] == "unofficial"
    assert call("data", "check", "nmnist", "--data", tmp_path).code == 0


def test_colons_in_a_message_are_no_emoji(call, tmp_path: Path) -> None:
    assert ":100:" in call("count", "nope:100:x", "--task", "nmnist").err


def test_a_damaged_archive_fails_its_cells_and_says_which_file(call, tmp_path: Path) -> None:
    data = tmp_path / "data" / "mnist"
    data.mkdir(parents=True)
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    for name in names:
        (data / f"{name}-ubyte.gz").write_bytes(gzip.compress(b"\0" * 100)[:-9])
    suite = tmp_path / "mine.toml"
    suite.write_text(
        'name = "mine"\nseeds = [0]\n[[group]]\ntasks = ["mnist"]\nbackbone = "small"\n'
        'baselines = ["cnn"]\n[group.data]\nallow_partial = true\n'
        "[group.recipe]\nepochs = 1\nbatch_size = 8\n[measure]\ntiming = false\n"
    )
    ran = call("run", suite, "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert ran.code == 1
    assert "train-images-idx3-ubyte.gz" in ran.err
    (path,) = (tmp_path / "out").glob("mine/*/runs/*.json")
    assert json.loads(path.read_text())["status"] == "failed"


def test_a_part_of_a_suite_ends_with_the_tables_of_that_part(call, tmp_path: Path) -> None:
    suite = tmp_path / "mine.toml"
    group = (
        '[[group]]\ntasks = ["{}"]\nbackbone = "{}"\nbaselines = ["{}"]\n'
        "[group.recipe]\nepochs = 1\nbatch_size = 8\n[group.data]\nlimit = 40\n"
    )
    suite.write_text(
        'name = "mine"\nseeds = [0]\n[measure]\ntiming = false\n'
        + group.format("babi-sim", "tokens", "bag-of-words")
        + group.format("digits-dvs", "small", "cnn")
    )
    ran = call("run", suite, "--out", tmp_path / "out", "--only", "task=babi-sim")
    assert ran.code == 0
    assert "babi-sim" in ran.out
    assert "digits-dvs" not in ran.out
    assert "digits-dvs" in call("run", suite, "--out", tmp_path / "out").out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["list", "suites"], ["list", "--json"]])
def test_a_full_output_is_one_line(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "liafbench", *words], stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: No space left on device\n"
