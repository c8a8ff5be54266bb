"""Every command over results folders from strangers: nothing runs, nothing stops, nothing leaks."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import random
import re
import shutil
import unicodedata
from pathlib import Path

import pytest
from hostile_entries import Attack, Place, Whole, draw_attacks, of_outputs
from hostile_values import MARK
from sandbox import Outcome, run, snapshot

from liafbench.baselines.errors import UsageError
from liafbench.bench.runs.locks import NAME, Locks
from liafbench.bench.runs.store import Store

AT_ONCE = 100
"""Hostile entries of one folder; when a command goes wrong it is halved."""
LIBRARY = re.compile(r"<script[^>]*>.{500000,}?</script>", re.DOTALL)
"""The plotting library inside a report."""
MARKUP = (".html", ".md", ".svg")
TRAINED = ("cnn", "klif")
SPEAKS_OF_LEFT_OUT = ("tables", "report")


class Folder:
    """A results folder with whole and hostile entries, and everything around it."""

    def __init__(self, base: Path, whole: Whole, suite: Path, attacks: list[Attack]):
        self.base, self.whole, self.attacks = base, whole, attacks
        for name in ("results", "clean", "outside/folder/machine/runs", "cwd", "out", "path"):
            (base / name).mkdir(parents=True)
        self.results, self.out = base / "results", base / "out"
        for name in ("kept.txt", "kept.json", "folder/kept.txt", "folder/machine/runs/a.json"):
            (base / "outside" / name).write_text("what lies outside stays as it is\n")
        self.mark = base / "imported"
        (base / "path" / f"{MARK}.py").write_text(
            f"import pathlib\npathlib.Path({str(self.mark)!r}).touch()\nbuild = print\n"
        )
        shutil.copy(base / "path" / f"{MARK}.py", base / "cwd")
        self.suite = shutil.copy(suite, base / "path" / "toy.toml")
        whole.write(base / "clean")
        folder = whole.write(self.results)
        places = Place(self.results, folder, base / "outside", whole)
        self.named = [(each, each.lay(places)) for each in attacks]

    def commands(self) -> list[list[str]]:
        at, clean, out = str(self.results), str(self.base / "clean"), self.out
        trained = next(
            Path(name).stem
            for name in self.whole.run_files
            if self.whole.document(name)["config"]["baselines"] == ["cnn"]
        )
        return [
            ["tables", at],
            ["report", at, "-o", str(out / "report.html")],
            ["figure", f"{at}/{self.whole.suite}", "-o", str(out / "figure.svg")],
            ["compare", clean, at],
            ["compare", at, "published"],
            ["cite", at],
            ["count", "cnn", "--task", "digits-dvs", "--run", trained, "--results", at,
             "--samples", "1"],
            ["run", str(self.suite), "--out", at, "--dry-run"],
            ["run", str(self.suite), "--out", at, "--jobs", "1"],
        ]  # fmt: skip

    def writing_commands(self) -> list[list[str]]:
        """Commands that write below the results folder."""
        at = str(self.results)
        own = str(self.results / self.whole.suite)
        return [
            ["tables", at],
            ["report", at, "-o", f"{at}/report.html"],
            ["figure", own, "-o", f"{own}/{self.whole.machine}/figure.svg"],
            ["run", str(self.suite), "--out", at, "--jobs", "1"],
        ]

    def around(self) -> dict[str, dict[str, tuple[object, ...]]]:
        return {name: snapshot(self.base / name) for name in ("outside", "path", "clean")}

    def faults(self, commands: list[list[str]] | None = None) -> list[tuple[Outcome, str]]:
        """What went wrong, by command."""
        before = self.around()
        # In the child alone: the tests that follow have data of their own.
        no_data = {"LIAFBENCH_DATA": str(self.base / "no-data")}
        found = []
        commands = commands or self.commands()
        for outcome in run(commands, self.base / "cwd", lambda: os.environ.update(no_data)):
            found += [(outcome, each) for each in self.of(outcome)]
        if self.mark.exists():
            found.append((outcome, f"imported {MARK}"))
        after = self.around()
        for name, state in before.items():
            changed = {
                k for k in state.keys() | after[name].keys() if state.get(k) != after[name].get(k)
            }
            found += [(outcome, f"changed {name}/{each}") for each in sorted(changed)]
        found += [(outcome, f"{path}: {what}") for path, what in self.written()]
        return found

    def of(self, outcome: Outcome) -> list[str]:
        command = outcome.words[0]
        found = [outcome.fault] if outcome.fault else []
        found += [f"printed {text}" for text in raw_text(outcome.printed)]
        found += [
            f"printed {word}" for word in ("Traceback", "Warning:") if word in outcome.printed
        ]
        if outcome.code is None:
            return found
        if outcome.code == 2 and any(each.of_output for each in self.attacks):
            return found if len(outcome.printed.splitlines()) <= 3 else [*found, "more than a line"]
        if outcome.code != self.expected(outcome.words):
            found.append(f"exit code {outcome.code}: {outcome.printed[-600:]}")
        if command in SPEAKS_OF_LEFT_OUT:
            unnamed = [
                attack.name
                for attack, path in self.named
                if path is not None and path.name not in outcome.printed.replace("\n", "")
            ]
            found += [f"not named as left out: {each}" for each in unnamed]
        found += self.missing(outcome)
        return found

    def expected(self, words: tuple[str, ...]) -> int:
        return 2 if words[-1] == "published" else 0

    def missing(self, outcome: Outcome) -> list[str]:
        """What of the whole entries a command no longer shows."""
        command, printed = outcome.words[0], outcome.printed
        ids = [Path(name).stem for name in self.whole.run_files]
        if command == "cite" and "paszke2019pytorch" not in printed:
            return ["no citation of torch"]
        if command == "compare" and outcome.code == 0:
            return [f"no row of {name}" for name in TRAINED if name not in printed]
        if "--dry-run" in outcome.words:
            return [
                f"{each} is not done" for each in ids if not re.search(rf"{each}.* done ", printed)
            ]
        if command == "run" and "3 there already" not in printed:
            return [f"the whole runs are not there: {printed[-300:]}"]
        return []

    def written(self) -> list[tuple[str, str]]:
        """Of the tables and the report: whole rows that are not there, and raw text."""
        found = []
        own = self.results / self.whole.suite / self.whole.machine / "tables" / "comparison.csv"
        if own.is_file() and not any(each.of_output for each in self.attacks):
            lines = list(csv.DictReader(io.StringIO(own.read_text("utf-8"), newline="")))
            names = {line.get("baseline") for line in lines}
            found += [
                ("comparison.csv", f"no row of {name}") for name in TRAINED if name not in names
            ]
        files = [path for path in self.results.rglob("tables/*") if _is_own(path)]
        for path in [*files, *self.out.iterdir()]:
            if path.suffix in (".csv", ".md", ".tex", ".html", ".svg"):
                with path.open(encoding="utf-8", newline="") as file:
                    text = file.read()
                own = LIBRARY.sub("", text)
                found += [(path.name, f"holds {each}") for each in raw_text(own)]
                if path.suffix in MARKUP and "<script>mark" in text:
                    found.append((path.name, "holds a script"))
        return found


def _is_own(path: Path) -> bool:
    with contextlib.suppress(OSError):  # a table that cannot be read was not written either
        return path.is_file() and not path.is_symlink() and os.access(path, os.R_OK)
    return False


TURNS = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
"""Bidirectional classes of characters that turn the direction of reading."""


def raw_text(text: str) -> list[str]:
    """Control, bidirectional and separator characters and surrogates: never shown as they are."""
    odd = [each for each in sorted(set(text) - {"\n", "\t"}) if _is_raw(each)]
    return [f"U+{ord(each):04X}" for each in odd]


def _is_raw(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in TURNS
        or character in "\u200e\u200f\u061c"
    )


def attack(base: Path, whole: Whole, suite: Path, number: int, seed: int) -> list[str]:
    """Run every command over `number` hostile inputs; what went wrong, with the input alone."""
    draw = random.Random(seed)
    chosen = draw_attacks(whole, number, draw)
    said: list[str] = []
    for start in range(0, len(chosen), AT_ONCE):
        some = chosen[start : start + AT_ONCE]
        said += _of_one_folder(base / str(start), whole, suite, some)
        shutil.rmtree(base / str(start), onerror=_open_up)
    return said


def attack_outputs(base: Path, whole: Whole, suite: Path, some: list[Attack]) -> list[str]:
    """Each alone, since a command may end at the first: nothing outside changes."""
    said = []
    for place, each in enumerate(some):
        folder = Folder(base / f"output-{place}", whole, suite, [each])
        found = folder.faults(folder.writing_commands())
        said += [f"{each.name} | {o.words[0]} | {fault}" for o, fault in found]
    return said


def _of_one_folder(base: Path, whole: Whole, suite: Path, some: list[Attack]) -> list[str]:
    """What went wrong with all of them in one folder, narrowed down to halves that fail alone."""
    found = Folder(base / "all", whole, suite, some).faults()
    if not found:
        return []
    half = len(some) // 2
    parts = [some[:half], some[half:]] if half else []
    for name, part in zip(("first", "second"), parts, strict=False):
        if said := _of_one_folder(base / name, whole, suite, part):
            return said
    names = [each.name for each in some]
    return [f"{names} | {outcome.words[0]} | {fault}" for outcome, fault in found]


def _open_up(function: object, path: str, _: object) -> None:
    os.chmod(path, 0o700)
    (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)


def test_three_hundred_hostile_inputs(tmp_path: Path, whole: Whole, suite_file: Path) -> None:
    some = random.Random(30).sample(of_outputs(whole), 12)
    found = attack(tmp_path, whole, suite_file, 300 - len(some), seed=30)
    found += attack_outputs(tmp_path, whole, suite_file, some)
    assert not found, json.dumps(found[:40], indent=1)


@pytest.mark.parametrize("kind", ["link", "hard link", "folder is a link", "FIFO"])
def test_logs_and_locks_are_not_written_through_links(kind: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    folder = tmp_path / "results" / "toy" / "machine"
    (folder / "logs").mkdir(parents=True)
    for path in (folder / "logs" / "x.log", folder / NAME):
        if kind == "link":
            path.symlink_to(outside / "kept")
        elif kind == "hard link":
            path.hardlink_to(outside / "kept")
        elif kind == "FIFO":
            os.mkfifo(path)
    if kind == "folder is a link":
        (folder / "logs").rmdir()
        (folder / "logs").symlink_to(outside)
    before = snapshot(outside)
    store = Store(folder)
    with contextlib.suppress(UsageError):
        os.close(store.open_log("x"))
    with contextlib.suppress(UsageError):
        Locks(folder).take("x")
    assert snapshot(outside) == before


@pytest.mark.soak
def test_five_thousand_hostile_inputs(
    tmp_path: Path, whole: Whole, suite_file: Path, capsys: pytest.CaptureFixture
) -> None:
    seed = int(os.environ.get("LIAFBENCH_SEED", random.randrange(10**6)))
    with capsys.disabled():
        print(f"\nhostile inputs: seed {seed}", flush=True)  # noqa: T201 - to repeat it
    found = attack_outputs(tmp_path, whole, suite_file, of_outputs(whole))
    for part in range(10):
        found += attack(tmp_path / str(part), whole, suite_file, 500, seed + part)
    assert not found, json.dumps(found[:40], indent=1)
