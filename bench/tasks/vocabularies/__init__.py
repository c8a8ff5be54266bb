"""The words and answers of every token task, one text file each, in index order."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from liafbench.baselines.errors import unknown

FIRST_WORD = 2  # after 0, padding, and 1, an unknown word


@cache
def words(task: str) -> tuple[str, ...]:
    """The words of a task, in order: word i has index i + 2; an answer is one entry."""
    known = {
        file.name.removesuffix(".txt")
        for file in files(__package__).iterdir()
        if file.name.endswith(".txt")
    }
    if task not in known:
        raise unknown("vocabulary", task, known)
    return tuple((files(__package__) / f"{task}.txt").read_text("utf-8").splitlines())


def size(task: str) -> int:
    """Number of indices: the words, 0 for padding and 1 for an unknown word."""
    return len(words(task)) + FIRST_WORD
