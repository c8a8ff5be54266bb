"""The bAbI format: by hand, broken, the real files; the generated stories."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from fabricated_sets import ANY, write_babi
from torch import nn

from liafbench.baselines.errors import UsageError
from liafbench.bench.execution import Execution
from liafbench.bench.tasks import babi, babi_sim, load, vocabularies
from liafbench.bench.tasks.common.stories import parse
from liafbench.bench.training.evaluate import predict

STORIES_SHA256 = "a2f3c17ebcc304276a4ee2b061621e89cf73fe871a92473823ad652c0d13f5d4"
TEXT = """1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 Daniel took the milk there.
5 What is Daniel carrying? \tmilk,football\t4 2
1 Sandra is either in the office or the park.
2 Is Sandra in the park? \tmaybe\t1
"""


def vocabulary(questions: list) -> list[str]:
    """Every word and every answer, sorted; an answer of several words is one entry."""
    found: set[str] = set()
    for question in questions:
        found.update(question.tokens)
        found.add(question.answer)
    return sorted(found)


def test_questions_by_hand():
    first, second, third = parse(TEXT, "hand.txt")
    told = "mary moved to the bathroom . john went to the hallway . where is mary ?"
    assert first.tokens == told.split()
    assert (first.story, first.number, first.answer, first.supporting) == (0, 1, "bathroom", (0,))
    assert second.answer == "milk,football"
    assert second.supporting == (2, 1)
    assert len(second.statements) == 3  # a question is no statement
    assert (third.story, third.number, third.answer) == (1, 1, "maybe")
    assert " ".join(third.statements[0]) == "sandra is either in the office or the park ."


def test_a_question_never_sees_what_follows():
    lines = TEXT.splitlines(keepends=True)
    whole = parse(TEXT, "f")
    ends = [n for n, line in enumerate(lines, 1) if "\t" in line]
    for count, end in enumerate(ends, 1):
        assert parse("".join(lines[:end]), "f") == whole[:count]


def test_truncated_at_every_byte():
    for length in range(len(TEXT)):
        try:
            questions = parse(TEXT[:length], "cut.txt")
        except UsageError as error:
            assert str(error).startswith("cut.txt")  # noqa: PT017
        else:
            assert questions[0].answer in "bathroom"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.txt has no question"),
        ("1 Mary went home.\n", "f.txt has no question"),
        ("Mary went home.\n", "line 1: expected a line number"),
        ("2 Mary went home.\n", "line 1: line number 2 does not follow 0"),
        ("1 A b.\n3 C d.\n2 E f.\n", "line 3: line number 2 does not follow 3"),
        ("1 A b.\n1\n", "line 2: expected a line number"),
        ("1 A b.\n2 Where? \t\t1\n", "line 2: expected question, answer"),
        ("1 A b.\n2 Where? \tx\t7\n", "line 2: no statement '7'"),
        ("1 A b.\n2 Where? \tx\ty\n", "line 2: no statement 'y'"),
        ("1 A b.\n2 Where? \tx\t" + "1" * 5000, "line 2: no statement '1111"),
        ("1 A b.\n2 Where? \tx\t1\t1\n", "line 2: expected question, answer"),
        ("1 !!\n", "line 1: a statement without words"),
        ("99999999999999 a\n", "line 1: expected a line number"),
        ("1 a\n" + "".join(f"{n} a\n" for n in range(2, 10_002)), "more than 10000 lines"),
    ],
)
def test_broken_files_name_the_line(text, message):
    with pytest.raises(UsageError) as raised:
        parse(text, "f.txt")
    assert message in str(raised.value)
    assert "f.txt" in str(raised.value)


def test_stories_that_would_fill_the_memory_are_refused():
    lines = (f"{n} a b c d\n" if n % 2 else f"{n} a?\tx\n" for n in range(1, 9_999))
    with pytest.raises(UsageError, match=r"f\.txt, line [0-9]+: more than 33554432 words"):
        parse("".join(lines) * 2, "f.txt")


def test_validation_takes_whole_stories(tmp_path):
    write_babi(tmp_path / "babi" / "en", stories=40)
    splits = load("babi-qa1", tmp_path, **ANY)
    assert {name.rpartition("/")[0] for name in splits.validation.ids} == {
        f"qa1/train/story {n}" for n in (9, 19, 29, 39)
    }
    assert len(splits.validation) == 8


def test_files_in_the_folder_of_the_archive_and_en_10k(tmp_path):
    write_babi(tmp_path / "babi" / "tasks_1-20_v1-2" / "en-10k")
    assert len(load("babi-qa5", tmp_path, edition="en-10k").test) == 24
    with pytest.raises(UsageError, match="not found"):
        load("babi-qa5", tmp_path)
    with pytest.raises(UsageError, match="did you mean 'en-10k'"):
        load("babi-qa5", tmp_path, edition="en10k")


def test_words_outside_the_vocabulary_become_unknown(tmp_path):
    write_babi(tmp_path / "babi" / "en")
    path = tmp_path / "babi" / "en" / "qa1_single-supporting-fact_test.txt"
    path.write_text("1 Zoe flew to the kitchen.\n2 Where is Zoe? \tkitchen\t1\n")
    (batch,) = load("babi-qa1", tmp_path, **ANY).test.batches(4)
    assert (batch.x == 1).sum() == 3
    kitchen = vocabularies.words("babi-qa1").index("kitchen") + 2
    assert batch.y.tolist() == [kitchen]


class Constant(nn.Module):
    """Answers one class, whatever is asked."""

    def __init__(self, answer: int, classes: int) -> None:
        super().__init__()
        self.logits = nn.functional.one_hot(torch.tensor(answer), classes).float()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(x.shape[1], -1)


def test_no_prediction_scores_on_an_answer_outside_the_vocabulary(tmp_path):
    folder = tmp_path / "babi" / "en-10k"
    write_babi(folder)
    path = folder / "qa1_single-supporting-fact_test.txt"
    path.write_text(
        "1 Mary went to the kitchen.\n2 Where is Mary? \tmoon\t1\n3 Where is Mary? \tkitchen\t1\n"
    )
    splits = load("babi-qa1", tmp_path, edition="en-10k")
    classes = vocabularies.size("babi-qa1")
    kitchen = vocabularies.words("babi-qa1").index("kitchen") + 2
    right = {}
    for answer in range(classes):
        found = predict(Constant(answer, classes), splits.test, Execution())
        right[answer] = found.correct.tolist()
    assert right.pop(kitchen) == [False, True]
    assert all(each == [False, False] for each in right.values())
    assert "1 evaluation questions always wrong" in splits.provenance["note"]
    assert splits.provenance["repairs"] == {}


def test_training_leaves_out_answers_outside_the_vocabulary(tmp_path):
    folder = tmp_path / "babi" / "en-10k"
    write_babi(folder)  # 12 stories of 2 questions, the tenth of them validation
    path = folder / "qa1_single-supporting-fact_train.txt"
    before = load("babi-qa1", tmp_path, edition="en-10k")
    lines = path.read_text().splitlines()
    for story in (3, 9):
        lines[4 * story + 2] = "3 Where is Mary? \tmoon\t1"
    path.write_text("\n".join(lines) + "\n")
    splits = load("babi-qa1", tmp_path, edition="en-10k")
    assert splits.train.ids == [name for name in before.train.ids if name != "qa1/train/story 3/1"]
    assert splits.validation.ids == before.validation.ids
    assert splits.train.targets.min() >= 2
    assert (splits.validation.targets < 0).tolist() == [True, False]
    assert splits.provenance["repairs"] == {"answer outside the vocabulary": 1}
    assert "1 training questions left out" in splits.provenance["note"]
    path.write_text("1 Mary went to the moon.\n2 Where is Mary? \tmoon\t1\n")
    with pytest.raises(UsageError, match="babi-qa1: no training question has an answer"):
        load("babi-qa1", tmp_path, edition="en-10k")


@pytest.fixture(scope="module")
def real(data_dir) -> dict[tuple[int, str], list]:
    if not (data_dir / "babi" / "en").is_dir():
        pytest.skip("no bAbI files")
    return {
        (number, side): parse(
            (data_dir / "babi" / "en" / f"{stem}_{side}.txt").read_text(), f"{stem} {side}"
        )
        for number, stem in enumerate(babi.STEMS, 1)
        for side in ("train", "test")
    }


def test_all_real_tasks_have_a_thousand_questions_a_side(real):
    assert len(real) == 40
    assert {len(questions) for questions in real.values()} == {1000}
    for questions in real.values():
        assert all(q.supporting and max(q.supporting) < len(q.statements) for q in questions)


def test_real_counts_equal_the_lines_with_tabs(real, data_dir):
    for (number, side), questions in real.items():
        text = (data_dir / "babi" / "en" / f"{babi.STEMS[number - 1]}_{side}.txt").read_text()
        assert len(questions) == sum("\t" in line for line in text.splitlines())


def test_real_answers_of_several_words(real):
    assert {len(q.answer.split(",")) for q in real[8, "train"]} >= {1, 2, 3}
    assert {len(q.answer.split(",")) for q in real[19, "train"]} == {2}
    assert set("nesw") >= {step for q in real[19, "test"] for step in q.answer.split(",")}


def test_the_frozen_vocabularies_are_those_of_the_files(real):
    for number in range(1, 21):
        questions = [*real[number, "train"], *real[number, "test"]]
        assert list(vocabularies.words(f"babi-qa{number}")) == vocabulary(questions)
    every = [q for questions in real.values() for q in questions]
    assert list(vocabularies.words("babi")) == vocabulary(every)


def test_real_joint_task(data_dir: Path, real):
    splits = load("babi", data_dir)
    assert len(splits.test) == sum(len(q) for (_, side), q in real.items() if side == "test")
    assert len(set(splits.test.groups)) == 20
    assert not any((split.targets < 2).any() for split in splits)
    assert "edition en" in splits.provenance["note"]


@pytest.fixture(scope="module")
def texts() -> dict[str, dict[str, str]]:
    return {family: babi_sim.generate(family) for family in babi_sim.FAMILIES}


def test_families_are_rich_enough(texts):
    assert len(texts) >= 5
    assert "two-facts" in texts
    for text in texts.values():
        for side, count in (("train", 1000), ("test", 500)):
            questions = parse(text[side], side)
            assert len(questions) == count
            assert all(2 <= len(q.statements) <= 10 for q in questions)
        words = set(vocabularies.words("babi-sim"))
    assert len(words & {name.lower() for name in babi_sim.ACTORS}) >= 4
    assert len(words & set(babi_sim.PLACES)) >= 6


def test_the_same_stories_on_every_machine(texts):
    joined = "".join(texts[family][side] for family in texts for side in ("train", "test"))
    assert hashlib.sha256(joined.encode()).hexdigest() == STORIES_SHA256


def test_the_frozen_vocabulary_is_that_of_the_stories(texts):
    questions = [q for text in texts.values() for side in text.values() for q in parse(side, "f")]
    assert list(vocabularies.words("babi-sim")) == vocabulary(questions)


def test_no_story_is_told_twice(texts):
    for text in texts.values():
        stories = [story for side in text.values() for story in ("\n" + side).split("\n1 ")[1:]]
        assert len(stories) == len(set(stories)) == 1500


@pytest.mark.parametrize("family", babi_sim.FAMILIES)
def test_the_place_of_the_last_statement_is_seldom_the_answer(texts, family):
    right = count = 0
    for question in parse(texts[family]["test"], family):
        named = [w for s in question.statements for w in s if w in babi_sim.PLACES]
        right += bool(named) and question.answer == named[-1]
        count += 1
    assert right / count <= 0.4


def test_answers_are_not_given_away_by_their_frequency(texts):
    for family, text in texts.items():
        answers = Counter(q.answer for q in parse(text["test"], family))
        assert answers.most_common(1)[0][1] / 500 <= 0.6


def test_groups_are_families_and_another_seed_gives_other_stories():
    splits = load("babi-sim")
    assert set(splits.test.groups) == set(babi_sim.FAMILIES)
    assert np.bincount([list(babi_sim.FAMILIES).index(g) for g in splits.test.groups]).min() == 500
    other = load("babi-sim", seed=1)
    first, second = next(splits.test.batches(64)).x, next(other.test.batches(64)).x
    assert first.shape != second.shape or not bool((first == second).all())


def test_vocabularies_are_read_in_order():
    words = vocabularies.words("babi-qa1")
    assert vocabularies.size("babi-qa1") == len(words) + 2 == 23
    assert len(set(words)) == len(words)
    with pytest.raises(UsageError, match="unknown vocabulary 'babi-qa21'"):
        vocabularies.words("babi-qa21")
