"""The recorded event sets in their layouts: order, labels, rules, subsets, stale frames."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from fabricated_sets import ANY, gesture_recording, write_gestures, write_nmnist
from raw_recordings import aedat2, atis, jaer_address

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks import load, nmnist
from liafbench.bench.tasks.dvs128_gesture import labels


def frames_of(splits) -> torch.Tensor:
    return torch.cat([batch.x.sum((0, 2, 3, 4)) for split in splits for batch in split.batches(50)])


def test_nmnist_from_its_zips_equals_the_extracted_folders(tmp_path, fabricated):
    (tmp_path / "nmnist").mkdir()
    for part in ("Train", "Test"):
        with zipfile.ZipFile(tmp_path / "nmnist" / f"{part}.zip", "w") as archive:
            for path in (fabricated / "nmnist" / part).glob("*/*.bin"):
                archive.write(path, f"{part}/{path.parent.name}/{path.name}")
    zipped = load("nmnist", tmp_path, **ANY)
    plain = load("nmnist", fabricated, **ANY)
    assert zipped.checksum == plain.checksum
    for one, other in zip(zipped, plain, strict=True):
        assert torch.equal(next(one.batches(99)).x, next(other.batches(99)).x)


def test_a_subset_must_be_asked_for_and_says_so(fabricated):
    for name in ("nmnist", "cifar10-dvs", "mnist-dvs"):
        with pytest.raises(UsageError, match="allow a partial set"):
            load(name, fabricated)
        provenance = load(name, fabricated, **ANY).provenance
        assert provenance["partial"]
        assert provenance["note"].startswith("subset: ")


def test_a_changed_binning_never_reads_stale_frames(fabricated):
    for steps in (10, 5, 10):
        splits = load("nmnist", fabricated, **ANY, time_steps=steps)
        assert next(splits.train.batches(2)).x.shape[0] == steps
    binary = load("nmnist", fabricated, **ANY, values="binary")
    assert next(binary.train.batches(20)).x.max() == 1
    windows = load("nmnist", fabricated, **ANY, by="window", window_us=1000)
    assert frames_of(windows).sum() < frames_of(splits).sum()


def test_a_changed_file_never_reads_stale_frames(tmp_path):
    write_nmnist(tmp_path / "nmnist")
    before = load("nmnist", tmp_path, **ANY)
    path = tmp_path / "nmnist" / "Test" / "0" / "00001.bin"
    path.write_bytes(atis([(1, 1, 1, 1)] * 60))
    after = load("nmnist", tmp_path, **ANY)
    assert before.provenance["files"] != after.provenance["files"]
    assert next(after.test.batches(1)).x[:, 0, 1, 1, 1].sum() == 60


def test_a_set_that_changes_while_it_is_read_is_no_entry_of_the_cache(tmp_path, monkeypatch):
    write_nmnist(tmp_path / "nmnist")
    first = tmp_path / "nmnist" / "Test" / "0" / "00001.bin"
    read = nmnist.read_recording

    def slow(member):
        events = read(member)
        if Path(member.path).name == "00020.bin":  # of the last that are read
            first.write_bytes(atis([(1, 1, 1, 1)] * 60))
        return events

    monkeypatch.setattr(nmnist, "read_recording", slow)
    with pytest.raises(UsageError, match=r"Test \(20 recordings\) changed while it was read"):
        load("nmnist", tmp_path, **ANY)
    assert not list((tmp_path / "cache").glob("*.frames"))
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_a_broken_recording_is_named(tmp_path):
    write_nmnist(tmp_path / "nmnist")
    path = tmp_path / "nmnist" / "Train" / "3" / "00004.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UsageError, match=r"Train/3/00004\.bin is empty or truncated"):
        load("nmnist", tmp_path, **ANY)


def test_repairs_are_counted_in_the_provenance(tmp_path):
    write_nmnist(tmp_path / "nmnist")
    path = tmp_path / "nmnist" / "Train" / "3" / "00004.bin"
    path.write_bytes(atis([(1, 1, 5, 1), (1, 1, 4, 1), (2, 2, 9, 0), (33, 99, 10, 0)]))
    for _ in range(2):  # also when they come from the cache
        splits = load("nmnist", tmp_path, **ANY)
        assert splits.provenance["repairs"] == {"outside sensor": 1, "out of order": 1}


def test_cifar10_dvs_rule(fabricated):
    splits = load("cifar10-dvs", fabricated, **ANY)
    numbers = [sorted({int(name.split("/")[1]) for name in split.ids}) for split in splits]
    assert numbers == [[0, 1], [9], [999]]
    assert [len(split) for split in splits] == [20, 10, 10]
    for split in splits:
        assert [int(name.split("/")[0]) for name in split.ids] == split.targets.tolist()


def test_cifar10_dvs_orientation(tmp_path):
    (tmp_path / "cifar10-dvs" / "airplane").mkdir(parents=True)
    word = jaer_address(bits_1_7=127 - 4, bits_8_14=127 - 60, on=1)
    for number in (0, 9, 900):
        path = tmp_path / "cifar10-dvs" / "airplane" / f"cifar10_airplane_{number}.aedat"
        path.write_bytes(aedat2([(word, number)] * 3))
    x = next(load("cifar10-dvs", tmp_path, **ANY).train.batches(1)).x
    assert x.shape[2:] == (2, 128, 128)
    assert x[0, 0, 1, 4, 60] == x.sum() == 3


def test_mnist_dvs_keeps_the_scales_of_a_digit_together(fabricated):
    splits = load("mnist-dvs", fabricated, **ANY)
    numbers = [sorted({int(name.split("/")[1]) for name in split.ids}) for split in splits]
    assert numbers == [[0], [9], [900]]
    assert [len(split) for split in splits] == [30, 30, 30]
    assert splits.train.sources == [name.rpartition("/")[0] for name in splits.train.ids]
    one = load("mnist-dvs", fabricated, **ANY, scales=[16])
    assert [len(split) for split in one] == [10, 10, 10]
    with pytest.raises(UsageError, match="mnist-dvs: scales are"):
        load("mnist-dvs", fabricated, scales=[5])


def test_scaled_frames_keep_the_number_of_events(fabricated):
    for backbone in ("liaf", "small"):
        splits = load("mnist-dvs", fabricated, backbone=backbone, **ANY)
        sums = torch.cat([batch.x.sum((0, 2, 3, 4)) for batch in splits.test.batches(7)])
        assert torch.allclose(sums, torch.full_like(sums, 80), atol=1e-3)


def test_gestures_are_split_by_person(fabricated):
    splits = load("dvs128-gesture", fabricated, **ANY)
    users = [{name.partition("_")[0] for name in split.ids} for split in splits]
    assert users[1] == {"user10"}
    assert users[2] == {"user11", "user12"}
    assert len(users[0]) == 9
    assert [len(split) for split in splits] == [27, 3, 6]
    assert splits.train.targets.tolist()[:3] == [0, 1, 2]
    assert splits.provenance["partial"]  # 12 of 122 trials


def test_gestures_are_cut_by_their_own_rows_also_where_they_overlap(tmp_path):
    folder = tmp_path / "dvs128-gesture"
    write_gestures(folder)
    for path in folder.glob("*_labels.csv"):
        path.write_text("class,startTime_usec,endTime_usec\n9,0,20000\n10,10000,30000\n")
    splits = load("dvs128-gesture", tmp_path, **ANY, backbone="plif")
    assert set(splits.train.targets.tolist()) == {8, 9}
    both = frames_of(splits).reshape(-1, 2).sum(1)
    assert (both > 200).all()  # events of the overlap belong to both rows
    assert (both < 400).all()


def test_windows_of_a_gesture_begin_at_its_label(tmp_path):
    folder = tmp_path / "dvs128-gesture"
    write_gestures(folder)
    for path in folder.glob("*_labels.csv"):
        path.write_text("1,100,29000\n")
    splits = load("dvs128-gesture", tmp_path, **ANY, time_steps=2, window_us=1000)
    from liafbench.bench.tasks.dvs128_gesture import read_trial

    t = read_trial(folder / "user01_led.aedat").t
    expected = [int(((t >= a) & (t < a + 1000)).sum()) for a in (100, 1100)]
    assert next(splits.train.batches(1)).x.sum((1, 2, 3, 4)).tolist() == expected


def test_a_label_file_without_a_gesture(tmp_path):
    path = tmp_path / "user01_led_labels.csv"
    for text in ("", "class,startTime_usec,endTime_usec\n"):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"user01_led_labels\.csv has no gesture"):
            list(labels(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12,0,5\n", "line 1: class 12"),
        ("0,0,5\n", "line 1: class 0"),
        ("class,a,b\n1,5,5\n", "line 2: class 1 from 5 to 5"),
        ("1,2\n", "line 1: expected class, start and end"),
        ("1,-2,5\n", "line 1: expected class, start and end"),
        ("1,2,x\n", "line 1: expected class, start and end"),
        ("1,2," + "9" * 5000, "line 1: expected class, start and end"),
    ],
)
def test_broken_label_files(tmp_path, text, message):
    path = tmp_path / "user01_led_labels.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"user01_led_labels\.csv, {message}"):
        list(labels(path))


def test_a_label_without_events_is_named(tmp_path):
    folder = tmp_path / "dvs128-gesture"
    write_gestures(folder)
    (folder / "user02_led_labels.csv").write_text("1,99999999,100000000\n")
    with pytest.raises(UsageError, match=r"user02_led\.aedat has no event from 99999999"):
        load("dvs128-gesture", tmp_path, **ANY)


def test_missing_trials_and_lists_that_climb(tmp_path):
    folder = tmp_path / "dvs128-gesture"
    write_gestures(folder)
    (folder / "user03_led.aedat").unlink()
    with pytest.raises(UsageError, match=r"lacks 1 trials or their labels, such as user03_led"):
        load("dvs128-gesture", tmp_path)
    assert load("dvs128-gesture", tmp_path, **ANY).provenance["partial"]
    (folder / "trials_to_test.txt").write_text("../../user01_led.aedat\n")
    with pytest.raises(UsageError, match="does not list files"):
        load("dvs128-gesture", tmp_path, **ANY)
    (folder / "trials_to_test.txt").write_text("user01_led.aedat\n")
    with pytest.raises(UsageError, match="user 1 is in both trial lists"):
        load("dvs128-gesture", tmp_path, **ANY)
    (folder / "trials_to_test.txt").write_text("user12_led.aedat\n" * 2)
    with pytest.raises(UsageError, match=r"trials_to_test\.txt lists a trial twice"):
        load("dvs128-gesture", tmp_path, **ANY)


def test_a_trial_is_decoded_once_for_all_its_gestures(tmp_path, monkeypatch):
    from liafbench.bench.tasks import dvs128_gesture

    decoded = []
    real = dvs128_gesture.decode
    monkeypatch.setattr(dvs128_gesture, "decode", lambda f, n: decoded.append(n) or real(f, n))
    dvs128_gesture.read_trial.cache_clear()
    write_gestures(tmp_path / "dvs128-gesture")
    load("dvs128-gesture", tmp_path, **ANY)
    assert len(decoded) == len(set(decoded)) == 12


def test_a_truncated_trial_is_named(tmp_path):
    write_gestures(tmp_path / "dvs128-gesture")
    path = tmp_path / "dvs128-gesture" / "user05_led.aedat"
    path.write_bytes(gesture_recording(5)[:-3])
    with pytest.raises(UsageError, match=r"user05_led\.aedat is truncated"):
        load("dvs128-gesture", tmp_path, **ANY)


def test_real_subset_of_nmnist(data_dir: Path):
    if not (data_dir / "nmnist").is_dir():
        pytest.skip("no N-MNIST")
    splits = load("nmnist", data_dir, **ANY)
    if not splits.provenance["partial"]:
        pytest.skip("the whole of N-MNIST is there")
    assert sum(map(len, splits)) == 1100
    counts = frames_of(splits)
    names = [name for split in splits for name in split.ids]
    for name, count in list(zip(names, counts.tolist(), strict=True))[::100]:
        raw = np.fromfile(data_dir / "nmnist" / name, np.uint8)
        assert count == np.count_nonzero(raw[1::5] != 240)


def test_simulated_events_of_an_image_set(fabricated, tmp_path):
    splits = load("mnist-events-simulated", fabricated, **ANY)
    originals = load("mnist", fabricated, **ANY)
    assert np.array_equal(splits.test.targets, originals.test.targets)
    assert "simulated" in splits.provenance["note"]
    shutil.copytree(fabricated / "mnist", tmp_path / "mnist")
    fewer = load("mnist-events-simulated", tmp_path, **ANY, contrast=2.5)
    assert frames_of(fewer).sum() < frames_of(splits).sum()
