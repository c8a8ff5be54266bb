"""Splits of questions about stories: validation takes whole stories from train, by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks import vocabularies
from liafbench.bench.tasks.common.samples import Tokens
from liafbench.bench.tasks.common.splits import HOLD_OUT, Split, Splits, described
from liafbench.bench.tasks.common.stories import Question, encode

RULE = "test from its own files; validation: every tenth story of each training file"
LACKING = "answer outside the vocabulary"
OUTSIDE = -100  # target of such an answer: no class, so that no prediction equals it
Part = Mapping[str, Sequence[Question]]  # family -> its questions


def question_splits(
    name: str,
    train: Part,
    test: Part,
    *,
    limit: int | None,
    files: dict[str, str],
    note: str = "",
    unofficial: str = "",
) -> Splits:
    """Splits of families of questions; the words are those of the frozen vocabulary of `name`.

    With a `limit` only the first so many training questions of each family are used. Nothing can
    be learned from an answer outside the vocabulary: such training questions are left out. Those
    of validation and test stay, with the target -100, and count as wrong. `unofficial` says
    what is not the official file.
    """
    index = {word: number for number, word in enumerate(vocabularies.words(name), 2)}
    kept = {family: list(questions)[:limit] for family, questions in train.items()}
    fit = {f: [q for q in questions if not _held(q)] for f, questions in kept.items()}
    learned = {f: [q for q in questions if q.answer in index] for f, questions in fit.items()}
    check = {f: [q for q in questions if _held(q)] for f, questions in kept.items()}
    splits = (
        _split(learned, "train", index),
        _split(check, "train", index),
        _split(test, "test", index),
    )
    if not len(splits[0]):
        raise UsageError(f"{name}: no training question has an answer of the vocabulary")
    left_out = sum(map(len, fit.values())) - len(splits[0])
    wrong = sum(int((split.targets == OUTSIDE).sum()) for split in splits[1:])
    notes = (
        unofficial,
        note,
        f"first {limit} training questions a family" if limit else "",
        f"{left_out} training questions left out: {LACKING}" if left_out else "",
        f"{wrong} evaluation questions always wrong: {LACKING}" if wrong else "",
    )
    return described(
        *splits,
        files=files,
        rule=RULE,
        transform="statements and question as one sequence of lower-case words",
        notes=notes,
        unofficial=bool(unofficial),
        repairs={LACKING: left_out} if left_out else {},
    )


def _held(question: Question) -> bool:
    """Whether a training question is one of validation."""
    return question.story % HOLD_OUT == HOLD_OUT - 1


def _split(part: Part, side: str, index: dict[str, int]) -> Split:
    questions = [(family, q) for family, of_family in part.items() for q in of_family]
    tokens = Tokens(
        [encode(q.tokens, index) for _, q in questions],
        [f"{family}/{side}/story {q.story}/{q.number}" for family, q in questions],
    )
    targets = np.array([index.get(q.answer, OUTSIDE) for _, q in questions], dtype=np.int64)
    groups = [family for family, _ in questions] if len(part) > 1 else None
    return Split(tokens, np.arange(len(questions)), targets, groups)
