"""bAbI files read line by line without the project's parser, for it to be held against."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from liafbench.bench.tasks.babi import STEMS

NUMBERS = range(1, 21)
HOLD_OUT = 10


class Line(NamedTuple):
    """One question line: its story and its place in it, what was told before it, the answer."""

    story: int
    place: int
    words: list[str]
    answer: str

    @property
    def held(self) -> bool:
        return self.story % HOLD_OUT == HOLD_OUT - 1


def path_of(data_dir: Path, number: int, side: str) -> Path:
    return data_dir / "babi" / "en" / f"{STEMS[number - 1]}_{side}.txt"


def spaced(sentence: str) -> list[str]:
    return re.sub(r"([.?])", r" \1 ", sentence).lower().split()


def question_lines(path: Path) -> list[Line]:
    found: list[Line] = []
    told: list[str] = []
    story = place = -1
    for line in path.read_text("utf-8").splitlines():
        number, sentence = line.split(" ", 1)
        if number == "1":
            story, place, told = story + 1, 0, []
        if "\t" not in sentence:
            told = told + spaced(sentence)
            continue
        question, answer, _ = sentence.split("\t")
        place += 1
        found.append(Line(story, place, told + spaced(question), answer.lower()))
    return found
