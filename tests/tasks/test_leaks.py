"""No sample and no source of one is on two sides of a split: every task, and the real files."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import ANY
from plain_stories import NUMBERS, Line, path_of, question_lines

from liafbench.bench.events.simulation import Saccades, simulate
from liafbench.bench.tasks import TASKS, digits_dvs, events_simulated, load, mnist, vocabularies
from liafbench.bench.tasks.common.idx import read_idx

DOCS = Path(__file__).resolve().parents[2] / "docs" / "data.md"


def assert_apart(splits) -> None:
    for of in ("ids", "sources"):
        sides = [set(getattr(split, of)) for split in splits]
        assert all(sides)
        assert not any(one & other for one, other in combinations(sides, 2))
    assert all(len(set(split.ids)) == len(split) for split in splits)


@pytest.mark.parametrize("name", TASKS)
def test_no_sample_and_no_source_is_on_two_sides(fabricated, name):
    assert_apart(load(name, fabricated, **ANY))


@pytest.mark.parametrize("name", [name for name in TASKS if not name.endswith("simulated")])
def test_nor_in_the_real_files(data_dir, name):
    if not TASKS[name].embedded and not (data_dir / TASKS[name].folder).is_dir():
        pytest.skip(f"no {name}")
    assert_apart(load(name, data_dir, **ANY))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_a_simulated_sample_is_made_of_the_image_it_names(fabricated, name):
    splits = load(f"{name}{events_simulated.SUFFIX}", fabricated, **ANY)
    folder = fabricated / name
    images = {
        "train": read_idx(folder / f"{mnist.IMAGES['train'][0]}.gz", (28, 28)),
        "test": read_idx(folder / f"{mnist.IMAGES['test'][0]}.gz", (28, 28)),
    }
    for split in splits:
        for source, row in zip(split.sources, split.rows, strict=True):
            side, number = source.split("/")
            image = images[side][int(number)][None] / 255
            assert np.array_equal(split.samples.frames[row], simulate(image, Saccades(28))[0])


def test_a_simulated_digit_is_made_of_the_digit_it_names():
    splits = load("digits-dvs")
    images, labels = digits_dvs.digits()
    saccades = Saccades(12, 2, 10, 3, digits_dvs.CONTRAST, digits_dvs.AMPLITUDE)
    for split in splits:
        numbers = [int(source.removeprefix("digit ")) for source in split.sources]
        assert np.array_equal(split.samples.frames[split.rows], simulate(images[numbers], saccades))
        assert np.array_equal(split.targets, labels[numbers])


def contents(split) -> set[bytes]:
    return {split.samples.frames[row].tobytes() for row in split.rows}


def test_no_two_sides_of_the_digits_have_an_equal_sample():
    assert not any(one & other for one, other in combinations(map(contents, load("digits-dvs")), 2))


def texts(split) -> set[tuple[int, ...]]:
    samples = split.samples
    return {tuple(samples.gather(np.array([row]))[:, 0].tolist()) for row in split.rows}


def test_no_two_sides_of_the_generated_stories_have_an_equal_text():
    assert not any(one & other for one, other in combinations(map(texts, load("babi-sim")), 2))


@pytest.fixture(scope="module")
def lines(data_dir) -> dict[tuple[int, str], list[Line]]:
    if not (data_dir / "babi" / "en").is_dir():
        pytest.skip("no bAbI files")
    return {
        (number, side): question_lines(path_of(data_dir, number, side))
        for number in NUMBERS
        for side in ("train", "test")
    }


@pytest.mark.parametrize("number", NUMBERS)
def test_networks_are_given_every_line_of_the_real_stories_once(data_dir, lines, number):
    """Each sample is the words before its line and the question; the line's number is its name."""
    splits = load(f"babi-qa{number}", data_dir)
    words = ["", "?", *vocabularies.words(f"babi-qa{number}")]
    train, test = lines[number, "train"], lines[number, "test"]
    expected = ([x for x in train if not x.held], [x for x in train if x.held], test)
    for split, side, wanted in zip(splits, ("train", "train", "test"), expected, strict=True):
        assert split.ids == [f"qa{number}/{side}/story {x.story}/{x.place}" for x in wanted]
        assert [words[target] for target in split.targets] == [x.answer for x in wanted]
        for batch in split.batches(100):
            for column, place in enumerate(batch.index.tolist()):
                tokens = batch.x[:, column].tolist()
                padding = len(tokens) - len(wanted[place].words)
                assert tokens[:padding] == [0] * padding
                assert [words[token] for token in tokens[padding:]] == wanted[place].words
    # Nothing but padding was called 1, "any other word", which would look like a question mark.
    assert not any((split.samples.flat == 1).any() for split in splits)


def equal_texts(lines, number: int) -> tuple[int, int]:
    """Test questions, and validation questions, whose story and question are in the training."""
    train = lines[number, "train"]
    seen = {tuple(x.words): x.answer for x in train if not x.held}
    every = {tuple(x.words) for x in train}
    assert all(seen.get(tuple(x.words), x.answer) == x.answer for x in lines[number, "test"])
    return (
        sum(tuple(x.words) in every for x in lines[number, "test"]),
        sum(tuple(x.words) in seen for x in train if x.held),
    )


def test_the_docs_say_how_many_official_questions_occur_twice(lines):
    found = {number: equal_texts(lines, number) for number in NUMBERS}
    said = [row.split("|")[1:4] for row in DOCS.read_text().splitlines() if row.startswith("| QA")]
    table = {int(task.strip().removeprefix("QA")): (int(a), int(b)) for task, a, b in said}
    assert table == {number: counts for number, counts in found.items() if any(counts)}
    total = Counter(test=sum(a for a, _ in found.values()))
    assert f"{total['test']} of the 20,000 test questions" in DOCS.read_text()
