"""bAbI, version 1.2: twenty question-answering tasks, one at a time or all jointly."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from liafbench.baselines.errors import unknown
from liafbench.bench.events.checksums import file_checksum
from liafbench.bench.events.reading import read_text
from liafbench.bench.tasks import common, vocabularies
from liafbench.bench.tasks.common.files import official
from liafbench.bench.tasks.common.questions import question_splits
from liafbench.bench.tasks.common.splits import Splits
from liafbench.bench.tasks.common.stories import Question, parse
from liafbench.bench.tasks.common.task import DataFile, Source, Task

MAX_BYTES = 64 << 20
SIDES = ("train", "test")
LANGUAGES = ("en", "en-10k")
FOLDERS = ("", "tasks_1-20_v1-2")  # extracted here, or with the archive's own top folder
STEMS = (
    "qa1_single-supporting-fact",
    "qa2_two-supporting-facts",
    "qa3_three-supporting-facts",
    "qa4_two-arg-relations",
    "qa5_three-arg-relations",
    "qa6_yes-no-questions",
    "qa7_counting",
    "qa8_lists-sets",
    "qa9_simple-negation",
    "qa10_indefinite-knowledge",
    "qa11_basic-coreference",
    "qa12_conjunction",
    "qa13_compound-coreference",
    "qa14_time-reasoning",
    "qa15_basic-deduction",
    "qa16_basic-induction",
    "qa17_positional-reasoning",
    "qa18_size-reasoning",
    "qa19_path-finding",
    "qa20_agents-motivations",
)
VOCABULARY_NOTE = "words and answers of the English 1k files, train and test"


def find(source: Source, edition: str, stem: str, side: str) -> Path:
    """The file of one task and side, wherever the archive was extracted."""
    for folder in FOLDERS:
        path = source.folder / folder / edition / f"{stem}_{side}.txt"
        if path.exists():
            return path
    how = "" if edition == LANGUAGES[0] else how_to_get(edition)
    raise source.missing(f"{source.folder / edition / stem}_{side}.txt", how)


def how_to_get(edition: str) -> str:
    return (
        f"extract the folder {edition} of tasks_1-20_v1-2.tar.gz into the folder babi of the data "
        "folder"
    )


def _numbers(name: str) -> tuple[int, ...]:
    return (int(name.removeprefix("babi-qa")),) if name != "babi" else tuple(range(1, 21))


def check_edition(_backbone: str, *, edition: str) -> None:
    """UsageError for an edition that there is not."""
    if edition not in LANGUAGES:
        raise unknown("bAbI edition", edition, LANGUAGES)


def read(source: Source, *, edition: str) -> Splits:
    """Splits of one bAbI task or of all; `edition` is "en" (1,000 questions) or "en-10k"."""
    parts: dict[str, dict[str, list[Question]]] = {side: {} for side in SIDES}
    paths: list[Path] = []
    for side, part in parts.items():
        for number in _numbers(source.task.name):
            path = find(source, edition, STEMS[number - 1], side)
            part[f"qa{number}"] = parse(read_text(path, MAX_BYTES), str(path))
            paths.append(path)
    return question_splits(
        source.task.name,
        parts["train"],
        parts["test"],
        limit=source.limit,
        files={path.name: file_checksum(path) for path in paths},
        unofficial=official(source, paths),
        note=f"edition {edition}; vocabulary: {VOCABULARY_NOTE}",
    )


@lru_cache(maxsize=1)
def _measured() -> dict[str, tuple[str, int]]:
    """SHA-256 and bytes of the 40 English 1k files."""
    lines = (files(common) / "babi_en.txt").read_text().splitlines()
    return {name: (checksum, int(size)) for checksum, size, name in map(str.split, lines)}


def _file(path: str) -> DataFile:
    checksum, size = _measured().get(path, (None, None))
    return DataFile(path, sha256=checksum, size=size, also=(f"{FOLDERS[1]}/{path}",))


ARCHIVE = DataFile(  # its checksum is not available; those of the files in it are
    "tasks_1-20_v1-2.tar.gz",
    urls=(
        "http://www.thespermwhale.com/jaseweston/babi/tasks_1-20_v1-2.tar.gz",
        "https://s3.amazonaws.com/text-datasets/babi_tasks_1-20_v1-2.tar.gz",
    ),
    unpacked_bound=1 << 29,
)


def _task(name: str, title: str) -> Task:
    stems = [STEMS[number - 1] for number in _numbers(name)]
    return Task(
        name=name,
        title=title,
        kind="tokens",
        train_samples=18_011 if name == "babi" else 900,
        classes=vocabularies.size(name),
        citation="weston2015towards",
        bibtex=BIBTEX,
        read=read,
        folder="babi",
        options={"edition": "en"},
        check_options=check_edition,
        files=tuple(_file(f"en/{stem}_{side}.txt") for stem in stems for side in SIDES),
        downloads=(ARCHIVE,),
        editions={
            f"edition {edition}": tuple(
                _file(f"{edition}/{stem}_{side}.txt") for stem in stems for side in SIDES
            )
            for edition in LANGUAGES[1:]
        },
        size=sum(_measured()[f"en/{stem}_{side}.txt"][1] for stem in stems for side in SIDES),
        how_to_get=f"{how_to_get(LANGUAGES[0])}, or run `liafbench data fetch {name}`",
    )


BIBTEX = """@misc{weston2015towards,
  author = {Weston, Jason and Bordes, Antoine and Chopra, Sumit and Rush, Alexander M. and
            van Merri{\\"e}nboer, Bart and Joulin, Armand and Mikolov, Tomas},
  title = {Towards {AI}-complete question answering: a set of prerequisite toy tasks},
  year = {2015}, eprint = {1502.05698}, archivePrefix = {arXiv}
}"""
TASKS = (
    *(
        _task(f"babi-qa{k}", f"bAbI QA{k}, {stem.partition('_')[2].replace('-', ' ')}")
        for k, stem in enumerate(STEMS, 1)
    ),
    _task("babi", "bAbI, all twenty tasks jointly"),
)
