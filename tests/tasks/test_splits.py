"""Splits and batches: rules counted by hand, padding, buckets, memory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from liafbench.bench.tasks.common.samples import Frames, Images, Tokens
from liafbench.bench.tasks.common.splits import Split, hold_out, split_checksum


def token_split(lengths: list[int]) -> Split:
    sequences = [[2 + n] * length for n, length in enumerate(lengths)]
    names = [f"qa/train/story {n}/1" for n in range(len(lengths))]
    return Split(Tokens(sequences, names), np.arange(len(lengths)), np.arange(len(lengths)))


def test_every_tenth_of_each_class_is_held_out():
    labels = np.array([0, 1] * 15 + [0] * 6)
    held = hold_out(labels)
    assert np.flatnonzero(held).tolist() == [18, 19, 34]  # the 10th 0, the 10th 1, the 20th 0
    assert labels[held].tolist() == [0, 1, 0]


def test_one_in_five():
    assert np.flatnonzero(hold_out(np.zeros(11), 5)).tolist() == [4, 9]


def test_the_checksum_depends_on_names_sides_and_order():
    names = [f"d{n}" for n in range(4)]
    samples = Frames(np.zeros((4, 1, 2, 1, 1), np.uint8), names)

    def checksum(*sides):
        return split_checksum(*(Split(samples, np.array(s, int), np.zeros(len(s))) for s in sides))

    sums = {checksum([0, 1], [2], [3]), checksum([1, 0], [2], [3]), checksum([0, 1, 2], [], [3])}
    assert len(sums) == 3


def test_padding_is_on_the_left_and_as_long_as_the_longest():
    (batch,) = token_split([3, 1, 2]).batches(8)
    assert batch.x.T.tolist() == [[2, 2, 2], [0, 0, 3], [0, 4, 4]]
    assert batch.x.dtype == torch.int64


def test_a_generator_decides_the_order():
    split = token_split(list(range(1, 41)))

    def order(seed, bucket=False):
        batches = split.batches(8, generator=torch.Generator().manual_seed(seed), bucket=bucket)
        return [batch.index.tolist() for batch in batches]

    for bucket in (False, True):
        assert order(0, bucket) == order(0, bucket)
        assert order(0, bucket) != order(1, bucket)
        assert sorted(itertools.chain(*order(0, bucket))) == list(range(40))
    assert [len(batch) for batch in order(0)] == [8] * 5


def test_buckets_put_similar_lengths_together():
    lengths = np.random.default_rng(0).permutation(np.arange(1, 201)).tolist()
    split = token_split(lengths)

    def padding(bucket, generator=None):
        batches = split.batches(10, generator=generator, bucket=bucket)
        return sum(int((batch.x == 0).sum()) for batch in batches)

    generator = torch.Generator().manual_seed(0)
    assert padding(True) == padding(True, generator) < padding(False) / 4


def test_buckets_change_nothing_where_all_samples_have_one_length():
    samples = Images(np.zeros((20, 1, 2, 2), np.uint8), 3, "train")
    split = Split(samples, np.arange(20), np.zeros(20))
    plain = [b.index.tolist() for b in split.batches(6)]
    assert [b.index.tolist() for b in split.batches(6, bucket=True)] == plain


def test_an_empty_split_has_no_batch():
    assert list(token_split([]).batches(4)) == []
    assert list(token_split([]).batches(4, bucket=True)) == []


def test_a_batch_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="batch size 0"):
        next(token_split([1]).batches(0))


def test_images_are_repeated_without_a_copy_and_kept_as_bytes():
    pixels = np.arange(2 * 4, dtype=np.uint8).reshape(2, 1, 2, 2) * 30
    samples = Images(pixels, 8, "train")
    x = samples.gather(np.array([1, 0]))
    assert samples.pixels is pixels
    assert x.shape == (8, 2, 1, 2, 2)
    assert x.stride(0) == 0
    assert torch.equal(x[7, 0], torch.tensor([[[120, 150], [180, 210]]]) / 255)


def test_frames_come_in_events():
    stored = np.zeros((2, 3, 2, 1, 1), np.uint16)
    stored[1, 2, 1] = 50
    x = Frames(stored, ["a", "b"], parts=25).gather(np.array([1]))
    assert x.shape == (3, 1, 2, 1, 1)
    assert x[2, 0, 1, 0, 0] == 2
    assert x.is_contiguous()


def test_splits_of_one_set_share_its_memory():
    samples = Frames(np.zeros((4, 1, 2, 1, 1), np.uint8), list("abcd"))
    one, other = (Split(samples, np.array(r), np.zeros(2)) for r in ([0, 1], [2, 3]))
    assert one.samples is other.samples
