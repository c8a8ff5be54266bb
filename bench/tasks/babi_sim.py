"""babi-sim: generated stories in the bAbI format, five families, embedded.

Every story is a list of statements and one question. Stories of training, validation and test
differ in their text, and the same seed gives the same stories on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from liafbench.bench.tasks import vocabularies
from liafbench.bench.tasks.common.questions import question_splits
from liafbench.bench.tasks.common.splits import Splits
from liafbench.bench.tasks.common.stories import parse
from liafbench.bench.tasks.common.task import Source, Task

SEED = 20
TRAINING_STORIES = 1000
TEST_STORIES = 500
MALE, FEMALE = ("John", "Daniel", "Bill"), ("Mary", "Sandra", "Julie")
ACTORS = MALE + FEMALE
PLACES = ("kitchen", "garden", "office", "bedroom", "bathroom", "hallway")
OBJECTS = ("football", "apple", "milk", "book")
MOVES = ("went to", "moved to")
TAKES = ("took", "grabbed")
NUMBERS = ("none", "one", "two", "three")


class Story(NamedTuple):
    """Statements, question, answer, and the numbers (from 1) of the supporting statements."""

    statements: list[str]
    question: str
    answer: str
    supporting: list[int]

    @property
    def text(self) -> str:
        lines = [f"{number} {line}" for number, line in enumerate(self.statements, 1)]
        facts = " ".join(map(str, self.supporting))
        lines.append(f"{len(lines) + 1} {self.question}\t{self.answer}\t{facts}")
        return "\n".join(lines) + "\n"


def _moves(draw: random.Random, actors: list[str], count: int) -> list[tuple[str, str]]:
    """`count` moves of random actors, each to a place other than the actor's last one."""
    last: dict[str, str] = {}
    moves = []
    for _ in range(count):
        actor = draw.choice(actors)
        last[actor] = draw.choice([place for place in PLACES if place != last.get(actor)])
        moves.append((actor, last[actor]))
    return moves


def _walk(draw: random.Random, actor: str, place: str) -> str:
    return f"{actor} {draw.choice(MOVES)} the {place}."


def _asked(draw: random.Random, moves: list[tuple[str, str]]) -> tuple[str, int]:
    """An actor to ask for and the last of the actor's moves; seldom the one who moved last."""
    actors = sorted({actor for actor, _ in moves})
    others = [actor for actor in actors if actor != moves[-1][0]]
    actor = draw.choice(others) if others and draw.random() < 0.8 else moves[-1][0]
    return actor, max(place for place, move in enumerate(moves) if move[0] == actor)


def one_fact(draw: random.Random) -> Story:
    """Where somebody is who moved once or more among others."""
    moves = _moves(draw, draw.sample(ACTORS, 3), draw.randint(3, 6))
    actor, last = _asked(draw, moves)
    statements = [_walk(draw, *move) for move in moves]
    return Story(statements, f"Where is {actor}?", moves[last][1], [last + 1])


def two_facts(draw: random.Random) -> Story:
    """Where a thing is: it was put down somewhere on its bearer's way, or is still carried.

    The words say which places were visited, only their order says in which one it lies.
    """
    actor, thing = draw.choice(ACTORS), draw.choice(OBJECTS)
    before, after = draw.randint(1, 3), draw.randint(1, 3)
    places = [place for _, place in _moves(draw, [actor], before + after)]
    statements = [_walk(draw, actor, place) for place in places]
    take = draw.randint(0, before - 1)
    statements.insert(take, f"{actor} {draw.choice(TAKES)} the {thing}.")
    if draw.random() < 0.75:
        statements.insert(before + 1, f"{actor} dropped the {thing}.")
        return Story(
            statements, f"Where is the {thing}?", places[before - 1], [before + 1, before + 2]
        )
    count = len(statements)
    return Story(statements, f"Where is the {thing}?", places[-1], [take + 1, count])


def yes_no(draw: random.Random) -> Story:
    """Whether somebody is at a place; half of the answers are yes."""
    moves = _moves(draw, draw.sample(ACTORS, 2), draw.randint(2, 5))
    actor, last = _asked(draw, moves)
    place = moves[last][1]
    answer = draw.choice(("yes", "no"))
    if answer == "no":
        place = draw.choice([other for other in PLACES if other != place])
    statements = [_walk(draw, *move) for move in moves]
    return Story(statements, f"Is {actor} in the {place}?", answer, [last + 1])


def counting(draw: random.Random) -> Story:
    """How many things somebody carries after taking and dropping some."""
    actor = draw.choice(ACTORS)
    held: list[str] = []
    statements, supporting = [], []
    for number in range(1, draw.randint(2, 7) + 1):
        free = [thing for thing in OBJECTS if thing not in held]
        if draw.random() < 0.3:
            statements.append(_walk(draw, actor, draw.choice(PLACES)))
            continue
        supporting.append(number)
        if held and (len(held) == len(NUMBERS) - 1 or draw.random() < 0.45):
            statements.append(f"{actor} dropped the {held.pop(draw.randrange(len(held)))}.")
        else:
            held.append(draw.choice(free))
            statements.append(f"{actor} {draw.choice(TAKES)} the {held[-1]}.")
    question = f"How many objects is {actor} carrying?"
    return Story(statements, question, NUMBERS[len(held)], supporting)


def coreference(draw: random.Random) -> Story:
    """Where somebody is whose second move is told with a pronoun."""
    pair = [draw.choice(MALE), draw.choice(FEMALE)]
    draw.shuffle(pair)
    statements, ends = [], {}
    for actor in pair[: draw.choice((1, 2, 2, 2, 2, 2))]:
        first, second = draw.sample(PLACES, 2)
        pronoun = "he" if actor in MALE else "she"
        statements.append(_walk(draw, actor, first))
        statements.append(f"Then {pronoun} {draw.choice(MOVES)} the {second}.")
        ends[actor] = (second, [len(statements) - 1, len(statements)])
    actor = next(iter(ends)) if draw.random() < 0.9 else list(ends)[-1]
    place, supporting = ends[actor]
    return Story(statements, f"Where is {actor}?", place, supporting)


FAMILIES: dict[str, Callable[[random.Random], Story]] = {
    "one-fact": one_fact,
    "two-facts": two_facts,
    "yes-no": yes_no,
    "counting": counting,
    "coreference": coreference,
}


def generate(family: str, seed: int = SEED) -> dict[str, str]:
    """The text of a family's "train" and "test" files; no story is in both or twice in one."""
    draw = random.Random(f"{family} {seed}")
    stories: dict[str, None] = {}
    while len(stories) < TRAINING_STORIES + TEST_STORIES:
        stories[FAMILIES[family](draw).text] = None
    texts = list(stories)
    return {"train": "".join(texts[:TRAINING_STORIES]), "test": "".join(texts[TRAINING_STORIES:])}


def read(source: Source, *, seed: int) -> Splits:
    """Splits of the generated stories, one group a family; another seed gives other stories."""
    texts = {family: generate(family, seed) for family in FAMILIES}
    train, test = (
        {f: parse(text[side], f"babi-sim {f} {side}") for f, text in texts.items()}
        for side in ("train", "test")
    )
    note = f"generated with seed {seed}"
    return question_splits("babi-sim", train, test, limit=source.limit, files={}, note=note)


TASKS = (
    Task(
        name="babi-sim",
        title="babi-sim, generated stories in the bAbI format",
        kind="tokens",
        classes=vocabularies.size("babi-sim"),
        embedded=True,
        train_samples=4500,
        citation="liafbench",
        bibtex="",
        read=read,
        options={"seed": SEED},
    ),
)
