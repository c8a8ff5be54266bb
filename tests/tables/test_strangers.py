"""Results folders as strangers send them: what is odd is named and left out, the rest is shown."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from support.fabricated import sealed_text, train_run, write_runs

from liafbench.baselines.errors import UsageError
from liafbench.bench.citations import of_results, unknown_names
from liafbench.bench.report.write import write_report
from liafbench.bench.results import load
from liafbench.bench.runfiles import printable
from liafbench.bench.tables.comparison import comparison
from liafbench.bench.tables.render import render
from liafbench.bench.tables.write import write_all

OTHER = "e" * 16


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_runs(tmp_path / "results", [train_run(seed=seed) for seed in range(3)])


def runs_of(root: Path) -> Path:
    return root / "quick" / "test-cpu" / "runs"


def written(root: Path, change: dict[str, Any]) -> Path:
    """A run file with other fields, sealed."""
    path = runs_of(root) / f"{OTHER}.json"
    path.write_bytes(sealed_text(train_run(seed=7) | {"run_id": OTHER} | change))
    return path


def make(kind: str, path: Path) -> None:
    match kind:
        case "folder":
            path.mkdir()
        case "dangling link":
            path.symlink_to(path.with_name("nothing"))
        case "looping link":
            path.symlink_to(path)
        case "link":
            path.symlink_to(next(path.parent.rglob("*.json")))
        case "FIFO":
            os.mkfifo(path)
        case "socket":
            socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))


@pytest.mark.parametrize("name", [f"runs/{OTHER}.json", "plan.json"])
@pytest.mark.parametrize(
    "kind", ["folder", "dangling link", "looping link", "link", "FIFO", "socket"]
)
def test_what_is_no_regular_file_is_named(
    root: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = runs_of(root).parent / name
    monkeypatch.chdir(path.parent)  # a socket's path is short
    make(kind, path)
    found = write_all(root).findings
    assert [each.path for each in found] == [path]
    assert found[0].reason.startswith("not a regular file but a")
    assert comparison(load(root)).frame["seeds"].tolist() == [3]


@pytest.mark.parametrize(
    "change",
    [
        {"records": [{"metric": "x"}]}, {"suite": ["a"]}, {"suite": "x" * 2_000},
        {"seconds": 10**400}, {"seconds": float("nan")}, {"reason": {"a": 1}},
        {"config": {"task": "digits-dvs", "baselines": ["lstm"], "seed": 2**70}},
        {"config": {"task": "digits-dvs", "baselines": []}},
        {"predictions": {"correct": "zz", "n": 3}}, {"curves": {"loss": [float("inf")]}},
        {"records": 20_000 * [train_run()["records"][0]]}, {"unknown": 1},
        {"provenance": {"commit": 7}}, {"health": ["silent"]}, {"layers": [{"ac": [1]}]},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_of_no_use_is_named_with_its_field(root: Path, change: dict[str, Any]) -> None:
    path = written(root, change)
    (found,) = load(root).findings
    assert found.path == path
    field = next(iter(change))
    assert found.reason.startswith((field, "not a whole run file"))
    assert len(found.reason) <= 300
    assert comparison(load(root)).frame["seeds"].tolist() == [3]


@pytest.mark.parametrize("text", ['{"a":' * 5_000, "[" * 100_000, "9" * 5_000, "", "null"])
def test_what_is_no_document_is_named(root: Path, text: str) -> None:
    (runs_of(root) / f"{OTHER}.json").write_text(text)
    assert len(load(root).findings) == 1


def test_a_file_beyond_the_bound_is_not_read(root: Path) -> None:
    with (runs_of(root) / f"{OTHER}.json").open("wb") as file:
        file.truncate(50 * 2**20)
    (found,) = load(root).findings
    assert found.reason == "larger than 16 MiB"


def test_text_does_nothing_to_who_prints_it(root: Path) -> None:
    hostile = "\x1b[31mred\x07 a\rb \u202egnp.exe \ud800 \x9b2J"
    written(root, {"status": "failed", "records": [], "reason": hostile})
    table = write_all(root, ("csv", "md"))
    assert not table.findings
    text = "".join(path.read_text() for path in table.paths)
    assert r"\x1b[31mred" in text
    assert all(each not in text for each in "\x1b\x07\r\u202e\x9b")
    assert printable("a\n\x7f\u200f") == "a\n\\x7f\\u200f"


def test_lone_surrogates_lose_no_reason(root: Path) -> None:
    written(root, {"status": "failed", "records": [], "reason": "at \udc80 end"})
    assert "\\udc80 end" in comparison(load(root)).frame["note"].iloc[0]


@pytest.mark.parametrize("place", ["quick/test-cpu/tables", "quick/test-cpu/tables/cost.csv"])
def test_nothing_is_written_through_a_link(root: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "cost.csv").write_text("mine")
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).symlink_to(outside if place.endswith("tables") else outside / "cost.csv")
    with pytest.raises(UsageError, match="is a link, which is not written through"):
        write_all(root)
    assert [path.name for path in outside.iterdir()] == ["cost.csv"]
    assert (outside / "cost.csv").read_text() == "mine"


def test_a_report_inside_the_folder_is_not_written_through_a_link(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")
    (root / "report.html").symlink_to(tmp_path / "mine")
    with pytest.raises(UsageError, match="is a link"):
        write_report(root, root / "report.html")
    assert (tmp_path / "mine").read_text() == "mine"


def test_linked_folders_are_not_followed(root: Path, tmp_path: Path) -> None:
    other = write_runs(tmp_path / "other", [train_run("klif")])
    (root / "linked").symlink_to(other / "quick")
    assert comparison(load(root)).frame["baseline"].tolist() == ["liaf-net"]


def test_nothing_that_a_run_names_is_imported(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil_mark.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    write_runs(root, [train_run("evil_mark:build", task="evil_mark:task", backbone="small")])
    results = load(root)
    assert unknown_names(results) == ["evil_mark:build", "evil_mark:task"]
    assert "liaf" in of_results(results)[1].key
    assert "evil" in render(comparison(results), "md")
    write_report(root, tmp_path / "page.html")
    assert "evil_mark" not in sys.modules
