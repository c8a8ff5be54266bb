"""The folder of run files: whole or not at all."""

from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path

import pytest
import torch

from liafbench.baselines.errors import UsageError
from liafbench.bench.runfiles import (
    COLUMNS,
    NUMERICS_VERSION,
    SCHEMA,
    DamagedRun,
    Record,
    Run,
    read_run,
    write_atomically,
    writing,
)
from liafbench.bench.runs.store import Store

ID = "0123456789abcdef"
CONFIG = {"task": "digits-dvs", "baselines": ["lstm"], "numerics_version": NUMERICS_VERSION}


def record(value: float, metric: str = "test_accuracy", seed: int = 0) -> Record:
    return Record(
        task="digits-dvs",
        backbone="small",
        baseline="lstm",
        engine="native",
        budget="equal-backbone",
        seed=seed,
        metric=metric,
        value=value,
        unit="%",
    )


def run(run_id: str = ID, **change: object) -> Run:
    fields: dict = {
        "schema": SCHEMA,
        "run_id": run_id,
        "suite": "toy",
        "kind": "train",
        "status": "done",
        "config": CONFIG,
        "records": [record(91.23456789012345)],
    }
    return Run(**{**fields, **change})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "results")
    made.prepare()
    return made


def test_a_run_comes_back_as_it_was_written(store: Store) -> None:
    store.write(run())
    assert store.read(ID).model_copy(update={"checksum": ""}) == run()
    assert [each.run_id for each in store.all()] == [ID]
    assert [path.name for path in store.runs.iterdir()] == [f"{ID}.json"]


def test_an_absent_run_is_none(store: Store) -> None:
    assert store.read(ID) is None


def test_records_csv_round_trips_floats_and_leaves_out_failed_stale_and_tuning(
    store: Store,
) -> None:
    store.write(run())
    store.write(run("1" * 16, status="failed", reason="x"))
    store.write(run("2" * 16, config=CONFIG | {"numerics_version": NUMERICS_VERSION - 1}))
    store.write(run("3" * 16, kind="tune"))
    rows = list(csv.DictReader(store.write_records().open()))
    assert [row["run_id"] for row in rows] == [ID]
    assert tuple(rows[0]) == COLUMNS
    assert float(rows[0]["value"]) == 91.23456789012345


def test_records_csv_does_not_depend_on_the_order_of_writing(tmp_path: Path) -> None:
    texts = []
    for order in ((0, 1, 2), (2, 0, 1)):
        made = Store(tmp_path / str(order))
        made.prepare()
        for number in order:
            made.write(run(str(number) * 16, records=[record(number, seed=number)]))
        texts.append(made.write_records().read_text())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("cut", [0, 1, 40, -2])
def test_a_torn_run_file_is_named_and_set_aside(store: Store, cut: int) -> None:
    store.write(run())
    whole = store.path(ID).read_bytes()
    store.path(ID).write_bytes(whole[:cut])
    with pytest.raises(DamagedRun, match=ID):
        read_run(store.path(ID))
    assert store.read(ID) is None
    assert store.path(ID).with_suffix(".json.damaged").exists()


def test_a_hand_edited_run_file_names_the_field(store: Store) -> None:
    store.write(run())
    document = json.loads(store.path(ID).read_text())
    document["records"][0]["value"] = "ninety"
    store.path(ID).write_text(json.dumps(document))
    with pytest.raises(DamagedRun, match=r"records\.0\.value"):
        read_run(store.path(ID))


@pytest.mark.parametrize("more", [{}, {"a field of the future": 1}])
def test_a_later_schema_is_refused_and_left_where_it_is(store: Store, more: dict) -> None:
    store.write(run())
    document = json.loads(store.path(ID).read_text()) | more
    document["schema"] = SCHEMA + 1
    store.path(ID).write_text(json.dumps(document))
    with pytest.raises(DamagedRun, match="update liafbench"):
        read_run(store.path(ID))
    with pytest.raises(UsageError, match="update liafbench"):
        store.read(ID)
    assert store.path(ID).exists()


def test_a_run_file_of_the_first_schema_is_refused(store: Store) -> None:
    store.path(ID).write_text(json.dumps(run().document() | {"schema": 1}))
    with pytest.raises(DamagedRun, match=r"schema: .*greater than or equal to 2"):
        read_run(store.path(ID))


def test_a_run_file_without_a_checksum_is_refused(store: Store) -> None:
    store.path(ID).write_text(json.dumps(run().document(), indent=1, sort_keys=True))
    with pytest.raises(DamagedRun, match="checksum does not fit"):
        read_run(store.path(ID))


def test_a_value_edited_by_hand_is_named_and_set_aside(store: Store) -> None:
    store.write(run())
    text = store.path(ID).read_text()
    store.path(ID).write_text(text.replace("91.234", "99.234"))
    assert store.read(ID) is None
    (said,) = store.newly_damaged()
    assert f"{ID}.json: edited by hand" in said
    assert said.endswith(f"set aside as {ID}.json.damaged")
    assert store.newly_damaged() == []


def test_line_ends_of_a_checkout_are_no_edit(store: Store) -> None:
    store.write(run())
    store.path(ID).write_bytes(store.path(ID).read_bytes().replace(b"\n", b"\r\n"))
    assert read_run(store.path(ID)).run_id == ID


def test_a_second_damaged_file_does_not_replace_the_first(store: Store) -> None:
    for _ in range(2):
        store.path(ID).write_text("torn")
        assert store.read(ID) is None
    assert len(list(store.runs.glob("*.damaged*"))) == 2


def test_a_run_file_under_another_name_is_refused(store: Store) -> None:
    store.write(run())
    store.path(ID).rename(store.path("f" * 16))
    with pytest.raises(DamagedRun, match="named after its run"):
        read_run(store.path("f" * 16))


def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(run())

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(UsageError, match="free some space"):
        store.write(run(records=[]))
    monkeypatch.undo()
    assert store.read(ID).records == run().records
    assert len(list(store.runs.iterdir())) == 1


def test_an_output_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UsageError, match="--out"):
        Store(tmp_path / "file" / "results").prepare()


def test_weights_are_read_back_without_running_anything(store: Store) -> None:
    store.save_weights(ID, {"w": torch.arange(3.0)})
    loaded = torch.load(store.checkpoint(ID), weights_only=True)
    assert torch.equal(loaded["w"], torch.arange(3.0))


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path) -> None:
    class Stop(BaseException):
        pass

    target = tmp_path / "file"
    write_atomically(target, b"old")
    original = os.replace

    def stop(*_paths: object) -> None:
        raise Stop

    os.replace = stop  # type: ignore[assignment]
    try:
        with pytest.raises(Stop):
            write_atomically(target, b"new")
    finally:
        os.replace = original
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_stays_and_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        write_atomically(tmp_path / "pipe", b"new")
    assert (tmp_path / "pipe").is_fifo()
