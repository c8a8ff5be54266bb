"""From run files to table files: bytes that never change, damage that stops nothing."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from support.fabricated import time_run, train_run, write_runs
from typer.testing import CliRunner

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.tables import tables
from liafbench.bench.results.published import published_text
from liafbench.bench.tables.comparison import comparison
from liafbench.bench.tables.write import read_records, write_all, write_tables


def some_runs() -> list[dict[str, Any]]:
    runs = [
        train_run(name, 80.0 + 0.1 * place + 0.37 * seed, suite=suite, seed=seed, samples=400)
        for place, name in enumerate(("liaf-net", "lif-snn", "gru"))
        for seed in range(3)
        for suite in ("quick", "mine")
    ]
    return [*runs, train_run("klif", None), time_run({"gru": 10.0, "liaf-net": 20.0})]


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "runs" not in path.parts
    }


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """In any order, in any folder, twice, and after the tables were deleted."""
    runs = some_runs()
    first = write_runs(tmp_path / "a", runs)
    random.Random(0).shuffle(runs)
    for run in runs:
        random.Random(1).shuffle(run["records"])
    second = write_runs(tmp_path / "b", runs)
    write_tables(first)
    write_tables(second)
    expected = contents(first)
    assert contents(second) == expected
    shutil.rmtree(first / "quick" / "test-cpu" / "tables")
    write_tables(first)
    assert contents(first) == expected


def test_frames_do_not_depend_on_the_order_of_records(tmp_path: Path) -> None:
    results = read_records(write_runs(tmp_path, some_runs()))
    bare = results.records
    shuffled = bare.sample(frac=1.0, random_state=3)
    pd.testing.assert_frame_equal(comparison(bare).frame, comparison(shuffled).frame)


def test_every_table_is_written_and_named(tmp_path: Path) -> None:
    paths = write_tables(write_runs(tmp_path, some_runs()))
    assert all(path.exists() for path in paths)
    written = {str(path.relative_to(tmp_path)) for path in paths}
    for form in ("csv", "md", "tex"):
        for table in ("comparison", "accuracy", "cost", "unfinished"):
            assert f"quick/test-cpu/tables/{table}.{form}" in written
        assert f"claims/tables/claims.{form}" in written
        assert f"claims/tables/claims-by-task.{form}" in written
    assert (tmp_path / "published.csv").read_text() == published_text()


def test_a_machine_or_a_suite_alone_judges_no_claims(tmp_path: Path) -> None:
    write_runs(tmp_path, some_runs())
    write_tables(tmp_path / "quick" / "test-cpu")
    write_tables(tmp_path / "mine")
    assert not (tmp_path / "claims").exists()
    assert (tmp_path / "mine" / "test-cpu" / "tables" / "comparison.md").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"value":', '"wert":', 1),
        lambda text: json.dumps(json.loads(text) | {"schema": 99}),
        lambda text: json.dumps(json.loads(text) | {"run_id": "somebody-else"}),
        lambda text: "[]",
        lambda text: "",
        lambda text: json.dumps(json.loads(text) | {"predictions": {"correct": "xyz", "n": 3}}),
        lambda text: json.dumps(json.loads(text) | {"config": {"recipe": 3}}),
        lambda text: json.dumps(json.loads(text) | {"config": {"baselines": None}}),
    ],
)
def test_a_damaged_file_is_named_and_left_out(tmp_path: Path, damage: Any) -> None:
    write_runs(tmp_path, some_runs())
    good = train_run("conv3d", 70.0)
    write_runs(tmp_path, [good])
    path = tmp_path / "quick" / "test-cpu" / "runs" / f"{good['run_id']}.json"
    path.write_text(damage(path.read_text()))
    written = write_all(tmp_path)
    assert [problem.path for problem in written.findings] == [path]
    assert written.findings[0].reason
    table = (tmp_path / "quick" / "test-cpu" / "tables" / "unfinished.md").read_text()
    assert good["run_id"] in table
    assert (
        "Conv3D" not in (tmp_path / "quick" / "test-cpu" / "tables" / "comparison.md").read_text()
    )


def test_a_file_that_is_not_text_is_left_out(tmp_path: Path) -> None:
    write_runs(tmp_path, some_runs())
    path = tmp_path / "quick" / "test-cpu" / "runs" / "0123456789abcdef.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert [problem.path for problem in write_all(tmp_path).findings] == [path]


def test_no_results_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such results folder"):
        write_tables(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no run files"):
        write_tables(tmp_path)


def test_an_empty_runs_folder_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "quick" / "test-cpu" / "runs").mkdir(parents=True)
    assert write_tables(tmp_path / "quick" / "test-cpu") == []


def test_rows_and_columns_can_be_chosen(tmp_path: Path) -> None:
    runs = [*some_runs(), train_run("gru", task="babi-qa3", backbone="tokens")]
    write_runs(tmp_path, runs)
    write_tables(
        tmp_path, ["csv"], columns=["flops", "test_accuracy"], tasks=["digits-dvs"],
        baselines=["gru", "liaf-net"],
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "quick" / "test-cpu" / "tables" / "comparison.csv")
    assert table["baseline"].tolist() == ["liaf-net", "gru"]
    assert set(table["task"]) == {"digits-dvs"}
    metrics = [name for name in table.columns if name.endswith("]") and "_std" not in name]
    assert metrics[0] == "flops [1/sample]"
    assert "test_accuracy [%]" in metrics
    assert not any(name.startswith("weights") for name in table.columns)


def test_babi_chooses_its_tasks(tmp_path: Path) -> None:
    runs = [train_run(task="babi-qa3", backbone="tokens"), train_run(), train_run(suite="mine")]
    write_runs(tmp_path, runs)
    write_tables(tmp_path / "quick", ["csv"], tasks=["babi"])
    table = pd.read_csv(tmp_path / "quick" / "test-cpu" / "tables" / "comparison.csv")
    assert table["task"].tolist() == ["babi-qa3"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"formats": ["pdf"]}, "unknown format 'pdf'"),
        ({"columns": ["test_acuracy"]}, "did you mean 'test_accuracy'"),
        ({"tasks": ["digits"]}, "did you mean 'digits-dvs'"),
        ({"baselines": ["liafnet"]}, "did you mean 'liaf-net'"),
    ],
)
def test_unknown_choices_name_the_nearest(
    tmp_path: Path, choice: dict[str, list[str]], message: str
) -> None:
    write_runs(tmp_path, some_runs())
    with pytest.raises(UsageError, match=message):
        write_tables(tmp_path, **choice)


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    write_runs(tmp_path, some_runs())
    (tmp_path / "quick" / "test-cpu" / "tables").write_text("a file in the way")
    with pytest.raises(UsageError, match="cannot be written"):
        write_tables(tmp_path)


def test_the_command_prints_paths_and_damage(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(tables)
    write_runs(tmp_path, some_runs())
    (tmp_path / "quick" / "test-cpu" / "runs" / "torn.json").write_text("{")
    done = CliRunner().invoke(app, [str(tmp_path), "--format", "csv,md"])
    assert done.exit_code == 0, done.output
    assert "comparison.csv" in done.output
    assert "comparison.tex" not in done.output
    assert "torn.json" in done.output
