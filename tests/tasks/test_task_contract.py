"""What every task promises, whatever it is: run over the registry."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from fabricated_sets import ANY

from liafbench.baselines import backbones
from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks import TASKS, check, get, load

CELLS = [(name, backbone) for name in TASKS for backbone in TASKS[name].backbones]


@pytest.fixture(scope="module")
def loaded(fabricated: Path, tmp_path_factory: pytest.TempPathFactory):
    """Splits by task and backbone, each read once."""
    cache = tmp_path_factory.mktemp("frames")
    read = {}

    def splits(name: str, backbone: str | None = None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LIAFBENCH_CACHE", str(cache))
            if (name, backbone) not in read:
                options = {"backbone": backbone, **ANY}
                read[name, backbone] = load(name, fabricated, **options)
        return read[name, backbone]

    return splits


@pytest.mark.parametrize("name", TASKS)
def test_shapes_and_classes_are_those_of_the_backbones(name):
    task = TASKS[name]
    assert task.name == name
    assert task.backbones == backbones.names(name)
    for backbone in task.backbones:
        known = backbones.get(name, backbone)
        assert task.classes == known.classes
        if task.kind != "tokens":
            expected = (known.time_steps, known.channels, known.height, known.width)
            assert task.shape(backbone) == expected


@pytest.mark.parametrize("name", TASKS)
def test_every_task_says_where_it_comes_from(name):
    task = TASKS[name]
    assert task.kind in ("image", "events", "tokens")
    assert task.embedded or (task.bibtex and task.how_to_get and task.files and task.folder)
    if task.bibtex:
        assert f"{{{task.citation}," in task.bibtex
    for file in (*task.files, *task.downloads):
        algorithm, checksum = file.checksum
        assert checksum is None or len(checksum) == hashlib.new(algorithm).digest_size * 2


@pytest.mark.parametrize(("name", "backbone"), CELLS)
def test_batches_have_the_promised_form(loaded, name, backbone):
    task, splits = TASKS[name], loaded(name, backbone)
    for split in splits:
        assert len(split) == len(split.targets) == len(split.ids)
        assert split.targets.dtype == np.int64
        assert split.targets.min() >= 0
        assert split.targets.max() < task.classes
        seen = 0
        for batch in split.batches(7):
            count = len(batch.y)
            assert torch.equal(batch.y, torch.from_numpy(split.targets)[batch.index])
            assert torch.equal(batch.index, torch.arange(seen, seen + count))
            seen += count
            if task.kind == "tokens":
                assert batch.x.dtype == torch.int64
                assert batch.x.shape[1] == count
                assert batch.x.max() < task.classes
            else:
                t, c, h, w = task.shape(backbone)
                assert batch.x.dtype == torch.float32
                assert batch.x.shape == (t, count, c, h, w)
                assert batch.x.min() >= 0
        assert seen == len(split)


@pytest.mark.parametrize("name", TASKS)
def test_splits_are_the_same_every_time(loaded, fabricated, name):
    first = loaded(name)
    again = load(name, fabricated, **ANY)
    assert first.provenance == again.provenance
    assert first.checksum == first.provenance["split_checksum"]
    for one, other in zip(first, again, strict=True):
        for a, b in zip(one.batches(16), other.batches(16), strict=True):
            assert torch.equal(a.x, b.x)
            assert torch.equal(a.y, b.y)


@pytest.mark.parametrize("name", TASKS)
def test_provenance_says_all(loaded, name):
    provenance = loaded(name).provenance
    keys = {"files", "split_rule", "split_checksum", "transform", "partial", "unofficial", "note"}
    assert keys <= set(provenance)
    assert all(len(checksum) == 64 for checksum in provenance["files"].values())
    assert provenance["files"] or name == "babi-sim"


@pytest.mark.parametrize("name", TASKS)
def test_a_limit_takes_the_first_training_samples_only(loaded, fabricated, name):
    whole, part = loaded(name), load(name, fabricated, **ANY, limit=20)
    families = max(len(set(whole.train.groups or ("one",))), 1)
    assert len(part.train) + len(part.validation) <= 20 * families
    assert len(part.train) + len(part.validation) >= min(20, len(whole.train))
    assert part.test.ids == whole.test.ids
    known = {*whole.train.ids, *whole.validation.ids}
    assert {*part.train.ids, *part.validation.ids} < known
    assert "20" in part.provenance["note"]


@pytest.mark.parametrize("limit", [None, 300, 1000])
def test_the_size_that_is_told_is_the_size_that_is_read(limit):
    data = {} if limit is None else {"limit": limit}
    told = TASKS["digits-dvs"].training_samples(data)
    read = len(load("digits-dvs", **data).train)
    assert told == read if limit is None else abs(told - read) <= TASKS["digits-dvs"].classes


def test_a_size_that_only_the_data_tells_is_not_told():
    assert TASKS["nmnist"].training_samples({"allow_partial": True}) is None
    assert TASKS["babi-sim"].training_samples({"limit": 100}) is None
    assert TASKS["dvs128-gesture"].training_samples({}) is None


@pytest.mark.parametrize("limit", [0, -3, True])
def test_a_limit_that_makes_no_sense(limit):
    with pytest.raises(UsageError, match="digits-dvs: limit = "):
        load("digits-dvs", limit=limit)


@pytest.mark.parametrize("name", [n for n in TASKS if not TASKS[n].embedded])
def test_missing_files_are_named_with_how_to_get_them(name, tmp_path, monkeypatch):
    task = TASKS[name]
    for folder in (None, tmp_path / "nowhere", tmp_path):
        with pytest.raises(UsageError) as raised:
            load(name, folder)
        message = str(raised.value)
        assert name in message
        assert task.how_to_get in message
        assert "\n" not in message
    (tmp_path / task.folder).mkdir()
    with pytest.raises(UsageError, match=r"not found; .*data folder"):
        load(name, tmp_path)
    monkeypatch.setenv("LIAFBENCH_DATA", str(tmp_path))
    with pytest.raises(UsageError, match=r"not found; .*data folder"):
        load(name)


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'fashion-mnist'"):
        get("fashion_mnist")
    with pytest.raises(UsageError, match=r"option of digits-dvs 'contrst'.*'contrast'"):
        load("digits-dvs", contrst=1)
    with pytest.raises(UsageError, match=r"backbone of digits-dvs 'smal'.*'small'"):
        load("digits-dvs", backbone="smal")


def test_check_knows_the_fabricated_sets(fabricated):
    states = {state.task: state for state in check(fabricated)}
    assert set(states) == set(TASKS)
    for name, state in states.items():
        if not TASKS[name].embedded:
            assert state.state in ("partial", "unofficial"), state
    assert states["nmnist"].detail.startswith("Train has 120 of 60000 files")
    assert states["mnist"].state == "unofficial"
    assert "expected 440fcabf" in states["mnist"].detail
