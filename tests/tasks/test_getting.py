"""Fetching from a server on this machine, checking what is there, the memory of checksums."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import os
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fabricated_sets import ANY, write_babi
from typer.testing import CliRunner

from liafbench.baselines.errors import UsageError
from liafbench.bench import tasks
from liafbench.bench.cli.data import Download, data_app
from liafbench.bench.events import checksums
from liafbench.bench.events.checksums import Memo, file_checksum
from liafbench.bench.tasks import TASKS, check
from liafbench.bench.tasks.common.fetching import fetch_task
from liafbench.bench.tasks.common.files import check_task
from liafbench.bench.tasks.common.task import DataFile, Extracted, Task

CONTENT = b"official bytes"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path):
    """Address of a server of files and its folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/", folder
        running.shutdown()


def task_of(*files: DataFile, **settings) -> Task:
    return replace(TASKS["mnist"], name="toy", folder="toy", files=files, **settings)


def one_of(name: str, expected: int = 1):
    """Counts the files of a folder; those of 5 bytes are what they should be."""

    def count(folder: Path) -> tuple[int, int]:
        paths = list((folder / name).glob("*.bin"))
        for path in paths:
            if path.stat().st_size % 5:
                raise UsageError(f"{path.name} has {path.stat().st_size} bytes")
        return len(paths), expected

    return count


def official(*urls: str) -> DataFile:
    return DataFile("a.bin", sha256=hashlib.sha256(CONTENT).hexdigest(), urls=urls)


def test_the_second_mirror_is_tried_and_the_file_checked(server, tmp_path):
    address, folder = server
    (folder / "a.bin").write_bytes(CONTENT)
    task = task_of(official(address + "absent", address + "a.bin"))
    with Download("toy") as progress:
        made = fetch_task(task, tmp_path, progress)
        assert progress.total == len(CONTENT)
    assert made == [tmp_path / "toy" / "a.bin"]
    assert made[0].read_bytes() == CONTENT
    assert fetch_task(task, tmp_path) == []


def test_a_wrong_file_never_gets_the_final_name(server, tmp_path):
    address, folder = server
    (folder / "a.bin").write_bytes(b"something else")
    with pytest.raises(UsageError, match=r"toy: cannot fetch a\.bin .*hash.*put the four"):
        fetch_task(task_of(official(address + "a.bin")), tmp_path)
    assert list((tmp_path / "toy").iterdir()) == []


def test_a_transfer_that_breaks_off_leaves_nothing(tmp_path):
    class Broken(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}/a.bin"
        with pytest.raises(UsageError, match=r"cannot fetch a\.bin"):
            fetch_task(task_of(official(url)), tmp_path)
        running.shutdown()
    assert list((tmp_path / "toy").iterdir()) == []


def test_a_local_file_wins_and_a_corrupt_one_is_named(tmp_path):
    task = task_of(official("http://127.0.0.1:9/none"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "a.bin").write_bytes(CONTENT)
    assert fetch_task(task, tmp_path) == []
    (tmp_path / "toy" / "a.bin").write_bytes(b"damaged")
    with pytest.raises(UsageError, match=r"a\.bin: sha256 is .*, expected .*remove it"):
        fetch_task(task, tmp_path)
    assert (tmp_path / "toy" / "a.bin").read_bytes() == b"damaged"


def test_after_a_broken_fetch_only_what_is_missing_is_fetched(server, tmp_path):
    address, folder = server
    names = ("a.bin", "b.bin")
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
    task = task_of(*(DataFile(n, sha256=sums[n], urls=(address + n,)) for n in names))
    (folder / "a.bin").write_bytes(b"a.bin")
    with pytest.raises(UsageError, match=r"cannot fetch b\.bin .*404"):
        fetch_task(task, tmp_path)
    (folder / "a.bin").unlink()  # not asked for again
    (folder / "b.bin").write_bytes(b"b.bin")
    assert fetch_task(task, tmp_path) == [tmp_path / "toy" / "b.bin"]
    assert sorted(path.name for path in (tmp_path / "toy").iterdir()) == list(names)


def test_a_subset_is_named_before_anything_is_fetched(tmp_path, fabricated):
    with pytest.raises(
        UsageError, match=r"nmnist in .*: Train has 120 of 60000 files; .* move Train"
    ):
        tasks.fetch("nmnist", fabricated)
    assert sorted(path.name for path in (fabricated / "nmnist").iterdir()) == ["Test", "Train"]


def test_the_command_goes_on_after_a_task_that_cannot_be_fetched(tmp_path, fabricated):
    ran = CliRunner().invoke(data_app, ["fetch", "nmnist", "digits-dvs", "--data", str(fabricated)])
    assert isinstance(ran.exception, UsageError)
    assert str(ran.exception) == "not fetched: nmnist; the reasons are above"
    assert "Train has 120 of 60000 files" in ran.stderr
    assert "digits-dvs: nothing to fetch" in ran.stderr


def test_an_archive_is_unpacked_also_one_that_was_put_there_by_hand(tmp_path):
    (tmp_path / "toy").mkdir()
    with tarfile.open(tmp_path / "toy" / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("inner/x.bin")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"12345"))
    task = task_of(
        DataFile("a.tar.gz", unpacked_bound=10**6),
        extracted=(Extracted("a.tar.gz", "inner", one_of("inner")),),
    )
    assert fetch_task(task, tmp_path) == [tmp_path / "toy"]
    assert (tmp_path / "toy" / "inner" / "x.bin").read_bytes() == b"12345"
    assert fetch_task(task, tmp_path) == []


def test_what_needs_a_hand_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match=r"request DvsGesture\.tar\.gz .*a form"):
        tasks.fetch("dvs128-gesture", tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot make the folder"):
        fetch_task(task_of(official()), tmp_path / "file")


def test_states_of_files_and_extracted_folders(tmp_path):
    first, second = official(), DataFile("b.zip", md5=hashlib.md5(b"zip").hexdigest())
    extracted = (Extracted("b.zip", "b", one_of("b", 2)),)
    task = task_of(first, second, extracted=extracted, size=7)
    folder = tmp_path / "toy"
    folder.mkdir()

    def state() -> tuple[str, str]:
        found = check_task(task, tmp_path)
        assert found.expected_size == 7
        return found.state, found.detail

    assert state()[0] == "absent"
    (folder / "a.bin").write_bytes(CONTENT)
    assert state() == ("partial", "b.zip is missing")
    (folder / "b.zip").write_bytes(b"zip")
    assert state() == ("present", "")
    (folder / "b").mkdir()
    assert state() == ("present", "")  # an empty folder stands for nothing
    (folder / "b" / "1.bin").write_bytes(b"12345")
    assert state() == ("partial", "b has 1 of 2 files")
    (folder / "b" / "2.bin").write_bytes(b"1234")
    assert state()[0] == "corrupt"
    assert "2.bin has 4 bytes" in state()[1]
    (folder / "b" / "2.bin").write_bytes(b"1234567890")
    assert state() == ("present", "")
    (folder / "a.bin").write_bytes(b"damaged")
    assert state()[0] == "unofficial"
    assert "expected " + hashlib.sha256(CONTENT).hexdigest() in state()[1]


def test_gestures_without_their_labels_or_lists_are_partial(tmp_path):
    folder = tmp_path / "dvs128-gesture" / "DvsGesture"
    folder.mkdir(parents=True)
    people = [(f"user{n // 5 + 1:02d}_{'abcde'[n % 5]}.aedat", n < 98) for n in range(122)]
    people = [(name, train and name < "user20") for name, train in people]
    for name, _ in people:
        (folder / name).write_bytes(b"x")
        (folder / f"{name[:-6]}_labels.csv").write_bytes(b"x")
    for listed, side in (("trials_to_train.txt", True), ("trials_to_test.txt", False)):
        (folder / listed).write_text("\n".join(name for name, train in people if train == side))
    (state,) = check(tmp_path, ["dvs128-gesture"])  # 95 and 27 are not the official lists
    assert (state.state, state.detail) == ("partial", "DvsGesture has 121 of 122 files")
    people = [(f"user{n // 7 + 1:02d}_{'abcdefg'[n % 7]}.aedat", n < 98) for n in range(122)]
    for name, _ in people:
        (folder / name).write_bytes(b"x")
        (folder / f"{name[:-6]}_labels.csv").write_bytes(b"x")
    for listed, side in (("trials_to_train.txt", True), ("trials_to_test.txt", False)):
        (folder / listed).write_text("\n".join(name for name, train in people if train == side))
    assert check(tmp_path, ["dvs128-gesture"])[0].state == "present"
    (folder / "user01_a_labels.csv").unlink()
    assert check(tmp_path, ["dvs128-gesture"])[0].detail == "DvsGesture has 121 of 122 files"
    (folder / "trials_to_test.txt").unlink()
    (state,) = check(tmp_path, ["dvs128-gesture"])
    assert state.state == "corrupt"
    assert "trials_to_test.txt not found" in state.detail


def test_both_editions_of_the_stories_are_known(tmp_path):
    write_babi(tmp_path / "babi" / "en-10k")
    (state,) = check(tmp_path, ["babi-qa3"])
    assert (state.state, state.detail) == ("present", "edition en-10k is present")
    for path in (tmp_path / "babi" / "en-10k").glob("qa3_*_test.txt"):
        path.unlink()
    (state,) = check(tmp_path, ["babi-qa3"])
    assert state.state == "partial"
    assert "qa3_three-supporting-facts_test.txt is missing" in state.detail
    with pytest.raises(UsageError, match=r"extract the folder en-10k of tasks_1-20_v1-2\.tar\.gz"):
        tasks.load("babi-qa3", tmp_path, edition="en-10k")
    with pytest.raises(UsageError, match=r"extract the folder en of .* fetch babi-qa3"):
        tasks.load("babi-qa3", tmp_path)


def test_the_memory_of_checksums_follows_every_change(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    long_ago = 10**9
    monkeypatch.setattr(checksums, "SETTLED_S", -1)
    computed = []
    real = file_checksum
    monkeypatch.setattr(checksums, "file_checksum", lambda p, *a: computed.append(p) or real(p, *a))
    with Memo(tmp_path / "memo") as memo:
        assert memo.checksum(path) == memo.checksum(path) == hashlib.sha256(b"one").hexdigest()
        assert memo.checksum(path, "md5") == hashlib.md5(b"one").hexdigest()
    assert len(computed) == 2
    path.write_bytes(b"two")
    os.utime(path, (long_ago, long_ago))
    with Memo(tmp_path / "memo") as memo:
        assert memo.checksum(path) == hashlib.sha256(b"two").hexdigest()


def test_a_row_that_was_planted_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(checksums, "SETTLED_S", -1)
    path = tmp_path / "a"
    path.write_bytes(b"tampered")
    official_sum = hashlib.sha256(CONTENT).hexdigest()
    with Memo(tmp_path / "memo") as memo:
        memo.checksum(path)
        assert memo.known is not None
        memo.known.execute("UPDATE signed SET checksum = ?", (official_sum,))
    for _ in range(2):
        with Memo(tmp_path / "memo") as memo:
            assert memo.checksum(path) == hashlib.sha256(b"tampered").hexdigest()


@pytest.mark.parametrize("name", ["checksums.sqlite", "key"])
def test_a_pipe_in_place_of_the_memory_does_not_hang(tmp_path, name):
    (tmp_path / "memo").mkdir()
    os.mkfifo(tmp_path / "memo" / name)
    path = tmp_path / "a"
    path.write_bytes(b"one")
    with Memo(tmp_path / "memo") as memo:
        assert memo.checksum(path) == hashlib.sha256(b"one").hexdigest()


def test_a_fresh_file_is_not_remembered(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    with Memo(tmp_path / "memo") as memo:
        memo.checksum(path)
        assert memo.known is not None
        assert memo.known.execute("SELECT count(*) FROM signed").fetchone() == (0,)


def test_without_a_folder_checksums_are_computed(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    with Memo(path / "below-a-file") as memo:
        assert memo.checksum(path) == hashlib.sha256(b"one").hexdigest()


def test_a_damaged_memory_is_no_obstacle(tmp_path):
    (tmp_path / "memo").mkdir()
    (tmp_path / "memo" / "checksums.sqlite").write_bytes(b"junk" * 1000)
    path = tmp_path / "a"
    path.write_bytes(b"one")
    with Memo(tmp_path / "memo") as memo:
        assert memo.checksum(path) == hashlib.sha256(b"one").hexdigest()


def test_check_on_the_real_folder(data_dir):
    states = {state.task: state for state in check(data_dir)}
    for name in ("mnist", "fashion-mnist", "babi", "babi-qa7", "mnist-events-simulated"):
        if (data_dir / TASKS[name].folder).is_dir():
            assert states[name].state == "present", states[name]
    if (data_dir / "nmnist" / "Train").is_dir():
        files = len(list((data_dir / "nmnist" / "Train").glob("*/*.bin")))
        expected = "present" if files == 60_000 else "partial"
        assert states["nmnist"].state == expected
        assert f"Train has {files} of 60000 files" in states["nmnist"].detail or files == 60_000


def test_the_command_prints_states(fabricated):
    shown = CliRunner().invoke(data_app, ["check", "nmnist", "--data", str(fabricated), "--json"])
    (state,) = json.loads(shown.stdout)
    assert (state["task"], state["state"]) == ("nmnist", "partial")
    table = CliRunner().invoke(data_app, ["check", "digits-dvs", "--data", str(fabricated)])
    assert "digits-dvs" in table.stdout
    unknown = CliRunner().invoke(data_app, ["check", "nmnst", "--data", str(fabricated)])
    assert isinstance(unknown.exception, UsageError)
    assert "did you mean 'nmnist'" in str(unknown.exception)


def test_the_command_clears_the_cache(fabricated, tmp_path):
    tasks.load("nmnist", fabricated, **ANY)
    assert list((tmp_path / "cache").glob("*.frames"))
    assert CliRunner().invoke(data_app, ["clear"]).exit_code == 0
    assert not list((tmp_path / "cache").glob("*.frames"))
