"""What the executors rest on: memory side by side, GPUs by slot, data placed once, kept words."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liafbench.baselines.errors import UsageError
from liafbench.bench.runs import cluster
from liafbench.bench.runs.cluster import placing
from liafbench.bench.runs.cluster.placing import Listing, list_files, place, read_chunk
from liafbench.bench.runs.plan import Options, check_memory, plan
from liafbench.bench.runs.resources import VISIBLE, GpuSlots, Room, visible_gpus
from liafbench.bench.suites import Group, Recipe, Suite

Needs = st.lists(st.floats(0.1, 64), min_size=1, max_size=30)


@given(Needs, st.floats(0, 64))
def test_cells_side_by_side_fit_and_each_runs(needs: list[float], gib: float) -> None:
    room, running, ran = Room(gib), [], 0
    while needs or running:
        starting = [need for need in needs if room.holds(need)][:1]
        for need in starting:
            needs.remove(need)
            room.take(need)
            running.append(need)
            assert len(running) == 1 or sum(running) <= gib + 1e-9
        if not starting:
            room.give_back(running.pop(0))
            ran += 1
    assert not running
    assert room.holds(1e9), "an empty room takes any cell"


def claim(slots: GpuSlots, answer: Connection, end: Connection) -> None:
    held = slots.claim()
    answer.send((held is not None, os.environ.get(VISIBLE)))
    end.recv()


def test_workers_share_the_gpus_evenly_and_a_dead_ones_gpu_is_taken_over(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    slots = GpuSlots(tmp_path, ("4", "GPU-b"), workers=4)

    def start() -> tuple[multiprocessing.process.BaseProcess, str]:
        (answer, theirs), (_, wait) = context.Pipe(), pipes[-1]
        process = context.Process(target=claim, args=(slots, theirs, wait))
        process.start()
        held, gpu = answer.recv()
        assert held
        return process, gpu

    pipes = [context.Pipe()]
    workers = [start() for _ in range(4)]
    assert sorted(gpu for _, gpu in workers) == ["4", "4", "GPU-b", "GPU-b"]
    victim, gpu = workers[2]
    victim.kill()
    victim.join()
    replacement = start()
    assert replacement[1] == gpu
    for process, _ in [*workers, replacement]:
        process.kill()
        process.join()


def test_without_a_gpu_there_is_nothing_to_claim(tmp_path: Path) -> None:
    assert visible_gpus("cpu") == ()
    assert GpuSlots(tmp_path, (), workers=2).claim() is None


def test_the_gpus_are_those_that_the_user_left_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "3, GPU-a")
    assert visible_gpus("cuda") == ("3", "GPU-a")


def test_a_cell_that_no_machine_like_this_holds_is_refused(tmp_path: Path) -> None:
    group = Group(
        tasks=("digits-dvs",), baselines=("cnn",), backbone="small", memory=1e6,
        recipe=Recipe(epochs=1, batch_size=8),
    )  # fmt: skip
    planned = plan(Suite(name="toy", group=(group,)), Options(out=tmp_path))
    with pytest.raises(UsageError, match="may take 1e\\+06 GiB"):
        check_memory(planned)


def test_needs_are_no_part_of_a_cells_identity() -> None:
    def ids(**needs: float) -> list[str]:
        group = Group(
            tasks=("digits-dvs",), baselines=("cnn",), backbone="small",
            recipe=Recipe(epochs=1, batch_size=8), **needs,  # type: ignore[arg-type]
        )  # fmt: skip
        return [c.run_id for c in plan(Suite(name="toy", group=(group,)), OPTIONS).all_cells()]

    assert ids() == ids(memory=8.0, gpus=0.25)


OPTIONS = Options(out=Path("nowhere"))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Listing]:
    """A data folder of the driver; the node has none and caches elsewhere."""
    folder = tmp_path / "driver"
    (folder / "nmnist" / "Train").mkdir(parents=True)
    (folder / "nmnist" / "Train" / "a.bin").write_bytes(bytes(range(256)) * 40)
    (folder / "nmnist" / "empty").write_bytes(b"")
    (folder / "mnist").mkdir()
    (folder / "mnist" / "other").write_bytes(b"not needed")
    monkeypatch.setenv("LIAFBENCH_CACHE", str(tmp_path / "node"))
    monkeypatch.setattr(placing, "CHUNK", 1000)
    listing = list_files("nmnist", str(folder))
    assert listing is not None
    return folder, listing


class Calls:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[tuple[str, int]] = []

    def __call__(self, path: str, offset: int) -> bytes:
        self.made.append((path, offset))
        return read_chunk(str(self.folder), path, offset)


def test_data_that_the_node_sees_is_read_in_place(data: tuple[Path, Listing]) -> None:
    folder, listing = data
    calls = Calls(folder)
    assert place(listing, calls) == str(folder)
    assert not calls.made


def test_data_is_copied_once_and_only_what_the_task_needs(data: tuple[Path, Listing]) -> None:
    folder, listing = data
    there = folder.rename(folder.with_name("elsewhere"))
    calls = Calls(there)
    copy = Path(place(listing, calls))
    assert (copy / "nmnist/Train/a.bin").read_bytes() == bytes(range(256)) * 40
    assert (copy / "nmnist/empty").read_bytes() == b""
    assert not (copy / "mnist").exists()
    made = len(calls.made)
    assert made == 11  # 10,240 bytes by 1,000
    assert Path(place(listing, calls)) == copy
    assert len(calls.made) == made
    # What was damaged, or was cut short, is copied again; other files are another copy.
    (copy / "nmnist/Train/a.bin").write_bytes(b"torn")
    place(listing, calls)
    assert (copy / "nmnist/Train/a.bin").stat().st_size == 10_240
    changed = Listing(listing.data_dir, ((*listing.files[0][:2], 1), *listing.files[1:]))
    assert changed.key != listing.key


def test_a_file_that_shrinks_while_it_is_copied_is_a_clear_end(data: tuple[Path, Listing]) -> None:
    folder, listing = data
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(UsageError, match="became shorter"):
        place(listing, lambda path, offset: b"")


def test_embedded_tasks_need_no_files() -> None:
    assert list_files("digits-dvs", None) is None


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"liafbench\[ray\]"):
        cluster.connect(None)
