"""The bAbI text format: numbered statements and questions, read into questions with their story."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from liafbench.baselines.errors import UsageError

FACT = re.compile(r"[0-9]{1,9}")
WORD = re.compile(r"[\w'-]+|[.?]")
MAX_STATEMENTS = 10_000
MAX_WORDS = 1 << 25  # before all questions of a file together


@dataclass(frozen=True)
class Question:
    """One question with the statements before it in its story, and nothing after it."""

    story: int  # number of the story in its file
    number: int  # number of the question in its story
    statements: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]
    answer: str
    supporting: tuple[int, ...]  # positions in `statements`

    @property
    def tokens(self) -> list[str]:
        """Story and question joined into one sequence of words."""
        return [word for part in (*self.statements, self.words) for word in part]


def words_of(sentence: str) -> tuple[str, ...]:
    """Lower-case words of a sentence; full stop and question mark are words of their own."""
    return tuple(WORD.findall(sentence.lower()))


def parse(text: str, name: str) -> list[Question]:
    """The questions of a bAbI file, in order; `name` stands for the file in errors."""
    questions: list[Question] = []
    story, previous, told = _Story(-1), 0, 0
    for place, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        number, _, sentence = line.strip().partition(" ")
        where = f"{name}, line {place}"
        if not (number.isascii() and number.isdigit()) or len(number) > 9 or not sentence.strip():
            raise UsageError(f"{where}: expected a line number and a sentence, found {line[:60]!r}")
        if int(number) == 1:
            story = _Story(story.index + 1)
        elif story.index < 0 or int(number) <= previous:
            raise UsageError(f"{where}: line number {number} does not follow {previous}")
        previous = int(number)
        if previous > MAX_STATEMENTS:
            raise UsageError(f"{where}: a story of more than {MAX_STATEMENTS} lines")
        if "\t" in sentence:
            questions.append(story.question(sentence, where))
            told += story.words
            if told > MAX_WORDS:
                raise UsageError(f"{where}: more than {MAX_WORDS} words before the questions")
        else:
            story.add(previous, sentence, where)
    if not questions:
        raise UsageError(f"{name} has no question")
    return questions


class _Story:
    def __init__(self, index: int) -> None:
        self.index = index
        self.statements: list[tuple[str, ...]] = []
        self.position: dict[int, int] = {}
        self.questions = self.words = 0

    def add(self, number: int, sentence: str, where: str) -> None:
        words = words_of(sentence)
        if not words:
            raise UsageError(f"{where}: a statement without words")
        self.position[number] = len(self.statements)
        self.statements.append(words)
        self.words += len(words)

    def question(self, sentence: str, where: str) -> Question:
        fields = sentence.split("\t")
        words, answer = words_of(fields[0]), fields[1].strip().lower()
        if len(fields) > 3 or not words or not answer:
            raise UsageError(f"{where}: expected question, answer and supporting facts")
        facts = fields[2].split() if len(fields) == 3 else []
        unknown_facts = [f for f in facts if not FACT.fullmatch(f) or int(f) not in self.position]
        if unknown_facts:
            raise UsageError(f"{where}: no statement {unknown_facts[0][:60]!r} before the question")
        self.questions += 1
        supporting = tuple(self.position[int(fact)] for fact in facts)
        return Question(
            self.index, self.questions, tuple(self.statements), words, answer, supporting
        )


def encode(tokens: Iterable[str], index: dict[str, int], unknown: int = 1) -> Sequence[int]:
    """Numbers of words; a word that the vocabulary lacks is `unknown`."""
    return [index.get(token, unknown) for token in tokens]
