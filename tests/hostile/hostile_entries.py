"""What a stranger may lay into a results folder, beside entries that are whole."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hostile_values import ESCAPES, MARK, dump, paths, put, short, value


@dataclass(frozen=True)
class Whole:
    """The run of a suite that the hostile entries are made of and lie beside."""

    suite: str
    machine: str
    files: dict[str, bytes]
    """Content by path below the folder of the machine."""

    @property
    def run_files(self) -> list[str]:
        return sorted(name for name in self.files if name.startswith("runs/"))

    def document(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files[name])
        return found

    def write(self, results: Path) -> Path:
        """Lay the whole folder below `results`; returns the folder of the machine."""
        folder = results / self.suite / self.machine
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder


@dataclass
class Place:
    """Where one attack writes: its own names below RESULTS, and what lies outside."""

    results: Path
    folder: Path
    """`<suite>/<machine>` of the whole entries."""
    outside: Path
    whole: Whole
    draw: random.Random = field(default_factory=random.Random)

    def run_id(self) -> str:
        return f"{self.draw.getrandbits(64):016x}"

    def run_path(self) -> Path:
        """A run file of no planned cell, in the folder of the whole entries."""
        return self.folder / "runs" / f"{self.run_id()}.json"

    def foreign(self, suite: str = "foreign") -> Path:
        """The folder of another suite, so that its rows are not those of the whole entries."""
        folder = self.results / suite / self.whole.machine
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        return folder

    def own(self) -> Path:
        """The folder of a suite that no other attack has."""
        return self.foreign(f"own-{self.run_id()}")

    def document(self, folder: Path) -> dict[str, Any]:
        """A whole run of the suite of a folder, with a seed and an id that no other has."""
        found = self.whole.document(self.draw.choice(self.whole.run_files))
        found |= {"run_id": self.run_id(), "suite": folder.parent.name}
        if found["config"]["seed"] is not None:
            seed = self.draw.getrandbits(40)
            found["config"]["seed"] = seed
            found["records"] = [each | {"seed": seed} for each in found["records"]]
        return found


@dataclass(frozen=True)
class Attack:
    """One hostile input: its name for messages, and what lays it down.

    `write` returns the path that the commands have to name as left out; None where the input may
    as well be taken as it is, with its text escaped.
    """

    name: str
    write: Callable[[Place], Path | None]
    of_output: bool = False
    """It lies where commands write: they may refuse to, in one line, or take its place."""
    seed: int = 0

    def lay(self, place: Place) -> Path | None:
        """Write it, the same whatever else is written."""
        return self.write(replace(place, draw=random.Random(self.seed)))


def seal(document: Any) -> bytes:
    """The bytes of a run file whose checksum fits, whatever it holds."""
    if not isinstance(document, dict):
        return dump(document).encode()
    text = dump({key: each for key, each in document.items() if key != "checksum"}).encode()
    if not text.startswith(b"{\n"):
        return text
    digest = hashlib.sha256(text).hexdigest()
    return b'{\n "checksum": "' + digest.encode() + b'",\n' + text[2:]


# One thing in the place of a file


def _folder(path: Path, place: Place) -> None:
    path.mkdir()
    (path / "inside.json").write_text("{}")


def _dangling(path: Path, place: Place) -> None:
    path.symlink_to(place.outside / "nothing-here")


def _loop(path: Path, place: Place) -> None:
    path.symlink_to(path.name)


def _to_outside(path: Path, place: Place) -> None:
    path.symlink_to(place.outside / "kept.json")


def _to_zero(path: Path, place: Place) -> None:
    path.symlink_to("/dev/zero")


def _to_tty(path: Path, place: Place) -> None:
    path.symlink_to("/dev/tty")


def _fifo(path: Path, place: Place) -> None:
    os.mkfifo(path)


def _socket(path: Path, place: Place) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"{short}/socket")  # its path may have 107 bytes only
        Path(short, "socket").rename(path)


def _device(path: Path, place: Place) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # zero: it never ends
    except PermissionError:
        _fifo(path, place)


def _unreadable(path: Path, place: Place) -> None:
    path.write_bytes(place.whole.files[place.whole.run_files[0]])
    path.chmod(0)


def _closed_folder(path: Path, place: Place) -> None:
    path.mkdir()
    path.chmod(0)


def _bytes(content: bytes) -> Callable[[Path, Place], None]:
    return lambda path, place: (path.write_bytes(content), None)[1]


def _torn(path: Path, place: Place) -> None:
    content = place.whole.files[place.draw.choice(place.whole.run_files)]
    path.write_bytes(content[: place.draw.randrange(len(content))])


def _flipped(path: Path, place: Place) -> None:
    content = bytearray(place.whole.files[place.draw.choice(place.whole.run_files)])
    content[place.draw.randrange(len(content))] ^= 1 << place.draw.randrange(8)
    path.write_bytes(content)


def _sparse(path: Path, place: Place) -> None:
    with path.open("wb") as file:
        file.truncate(20 * 2**30)


def _long_name(path: Path, place: Place) -> None:
    document = place.whole.document(place.whole.run_files[0])
    path.write_bytes(seal(document | {"run_id": path.stem, "suite": "x" * 50_000_000}))


def _utf16(path: Path, place: Place) -> None:
    path.write_bytes(place.whole.files[place.whole.run_files[0]].decode().encode("utf-16"))


IN_PLACE_OF_A_FILE: dict[str, Callable[[Path, Place], None]] = {
    "folder": _folder, "closed folder": _closed_folder, "dangling link": _dangling,
    "looping link": _loop, "link to a file outside": _to_outside, "link to /dev/zero": _to_zero,
    "link to /dev/tty": _to_tty, "FIFO": _fifo, "socket": _socket, "device": _device,
    "unreadable": _unreadable, "torn": _torn, "one bit": _flipped, "sparse, 20 GiB": _sparse,
    "50 MB name": _long_name, "UTF-16": _utf16, "empty": _bytes(b""), "null": _bytes(b"null"),
    "a number": _bytes(b"12"), "a list": _bytes(b"[]"), "empty object": _bytes(b"{}"),
    "BOM": _bytes(b"\xef\xbb\xbf{}"), "binary": _bytes(bytes(range(256)) * 40),
    "not UTF-8": _bytes(b'{"run_id": "\xff\xfe"}'), "NUL": _bytes(b"\0" * 10_000),
    "deep": _bytes(b"[" * 1_000_000), "deep objects": _bytes(b'{"a":' * 200_000),
    "long integer": _bytes(b"9" * 5_000), "huge integer": _bytes(b'{"schema": 1' + b"0" * 5_000),
    "HTML": _bytes(b"<html><script>mark()</script>"), "newer schema": _bytes(b'{"schema": 99}'),
}  # fmt: skip


def _of_a_run(kind: str) -> Callable[[Place], Path]:
    def write(place: Place) -> Path:
        path = place.run_path()
        IN_PLACE_OF_A_FILE[kind](path, place)
        return path

    return write


def _of_the_plan(kind: str) -> Callable[[Place], Path]:
    def write(place: Place) -> Path:
        path = place.own() / "plan.json"
        _whole_run(place, path.parent)
        IN_PLACE_OF_A_FILE[kind](path, place)
        return path

    return write


# Run files and plans with one hostile field


def _whole_run(place: Place, folder: Path) -> Path:
    document = place.document(folder)
    path = folder / "runs" / f"{document['run_id']}.json"
    path.write_bytes(seal(document))
    return path


def _field_of_a_run(draw: random.Random, whole: Whole) -> Attack:
    document = whole.document(draw.choice(whole.run_files))
    at, new = draw.choice(paths(document)[1:]), value(draw)
    name = ".".join(map(str, at))

    def write(place: Place) -> Path | None:
        folder = place.foreign()
        own = place.document(folder)
        hostile = put(own, at, new) if at in paths(own) else {**own, str(at[0]): new}
        path = folder / "runs" / f"{own['run_id']}.json"
        path.write_bytes(seal(hostile))
        refused = at in REFUSED and not isinstance(new, REFUSED[at])
        return path if refused else None

    return Attack(f"run file: {name} = {short(new)}", write)


REFUSED: dict[tuple[str | int, ...], type | tuple[type, ...]] = {
    ("run_id",): (), ("checksum",): object, ("kind",): str, ("status",): str, ("config",): dict,
    ("records",): list, ("suite",): str, ("schema",): int, ("records", 0): dict,
    ("records", 0, "metric"): str, ("records", 0, "value"): (int, float),
    ("seconds",): (int, float),
    ("records", 0, "task"): str, ("provenance",): dict, ("config", "baselines"): list,
    ("config", "task"): str, ("started",): str, ("log",): list,
}  # fmt: skip
"""Fields whose type is beyond doubt: a value of another one has to be refused, and named."""


def _lacking(draw: random.Random, whole: Whole) -> Attack:
    """A run file in which one field is missing."""
    at = draw.choice([each for each in paths(whole.document(draw.choice(whole.run_files))) if each])

    def write(place: Place) -> None:
        folder = place.foreign()
        document = place.document(folder)
        inside = document
        for part in at[:-1]:
            inside = inside[part] if part in _keys(inside) else {}
        if at[-1] in _keys(inside):
            del inside[at[-1]]
        path = folder / "runs" / f"{place.run_id()}.json"
        path.write_bytes(seal(document | {"run_id": path.stem}))

    return Attack(f"run file without {'.'.join(map(str, at))}", write)


def _keys(node: Any) -> Any:
    return range(len(node)) if isinstance(node, list) else node if isinstance(node, dict) else ()


def _field_of_a_plan(draw: random.Random, whole: Whole) -> Attack:
    plan = whole.document("plan.json")
    at, new = draw.choice(paths(plan)), value(draw)

    def write(place: Place) -> None:
        folder = place.own()
        _whole_run(place, folder)
        hostile = put(plan | {"suite": folder.parent.name}, at, new)
        (folder / "plan.json").write_bytes(dump(hostile).encode())

    return Attack(f"plan: {'.'.join(map(str, at)) or 'whole'} = {short(new)}", write)


def _many_metrics(place: Place) -> None:
    folder = place.foreign()
    document = place.document(folder)
    first = document["records"][0]
    document["records"] = [first | {"metric": f"m{n}"} for n in range(20_000)]
    (folder / "runs" / f"{document['run_id']}.json").write_bytes(seal(document))


def _same_twice(place: Place) -> None:
    """Two run files of one cell, and a record twice."""
    folder = place.own()
    document = place.document(folder)
    document["records"] += document["records"][:1]
    for _ in range(2):
        document |= {"run_id": place.run_id()}
        (folder / "runs" / f"{document['run_id']}.json").write_bytes(seal(document))


def _names(place: Place) -> None:
    """Every name that a command could look up is that of a module which leaves a mark."""
    folder = place.foreign()
    for _ in range(6):
        document = place.document(folder)
        evil = f"{MARK}:build"
        document["config"] |= {
            "task": evil,
            "baselines": [evil],
            "engine": evil,
            "code": {evil: "1"},
        }
        document["config"]["budget_reference"] = evil
        for record in document["records"]:
            record |= {"task": evil, "baseline": evil, "engine": evil}
        document["records"] += [document["records"][0] | {"metric": evil}]
        (folder / "runs" / f"{document['run_id']}.json").write_bytes(seal(document))


def _odd_file_name(place: Place) -> None:
    text = place.draw.choice([each for each in ESCAPES if "\0" not in each] + ["x\udcff", "a\nb"])
    name = os.fsencode(f"{text}.json") if "\udcff" in text else f"{text}.json".encode()
    path = os.fsencode(place.folder / "runs") + b"/" + name
    Path(os.fsdecode(path)).write_bytes(b"{}")


def _odd_folder_name(place: Place) -> None:
    text = place.draw.choice(
        [each for each in ESCAPES if "\0" not in each] + ["a\nb", "[/]", "é" * 90]
    )
    folder = place.results / text / f"{place.whole.machine}{text}"
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    _whole_run(place, folder)


# Links below the results folder


def _link(name: str, target: str) -> Callable[[Place], None]:
    """Something that commands write, as a link to what lies outside; RESULTS itself included."""

    def write(place: Place) -> None:
        for base in (place.results, place.folder):
            path = base / name
            if not path.is_symlink() and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(place.outside / target)
            elif not path.is_symlink():
                (shutil.rmtree if path.is_dir() else Path.unlink)(path)
                path.symlink_to(place.outside / target)

    return write


def _linked_suite(place: Place) -> None:
    (place.results / f"linked-{place.run_id()}").symlink_to(place.outside / "folder")


def _linked_machine(place: Place) -> None:
    folder = place.results / f"linked-{place.run_id()}"
    folder.mkdir()
    (folder / place.whole.machine).symlink_to(place.outside / "folder" / "machine")


def _linked_runs(place: Place) -> None:
    folder = place.results / f"linked-{place.run_id()}" / place.whole.machine
    folder.mkdir(parents=True)
    (folder / "runs").symlink_to(place.outside / "folder" / "machine" / "runs")


def _looping_folder(place: Place) -> None:
    folder = place.results / f"loop-{place.run_id()}"
    folder.mkdir()
    (folder / "again").symlink_to(place.results)


def _hard_link(place: Place) -> None:
    for name in ("records.csv", "tables/comparison.csv", "logs/x.log"):
        path = place.folder / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        os.link(place.outside / "kept.txt", path)


def _in_place_of_an_output(name: str, kind: str) -> Callable[[Place], None]:
    def write(place: Place) -> None:
        for base in (place.results, place.folder):
            path = base / name
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            IN_PLACE_OF_A_FILE[kind](path, place)

    return write


LINKS = {
    "tables": "folder", "tables/comparison.csv": "kept.txt", "tables/comparison.md": "kept.txt",
    "tables/claims.csv": "nothing-here", "published.csv": "kept.txt", "records.csv": "kept.txt",
    "claims": "folder", "claims/tables": "folder", "figure.svg": "kept.txt",
    "report.html": "kept.txt", "checkpoints": "folder", "logs": "folder", "claims.lock": "kept.txt",
    "runs": "folder/machine/runs", "plan.json": "kept.json",
}  # fmt: skip
OUTPUTS_IN_PLACE = ("folder", "FIFO", "dangling link", "looping link", "socket", "unreadable")


def attacks(whole: Whole) -> dict[str, Callable[[random.Random], Attack]]:
    """Every kind of attack by its name; each draws one of it."""
    found: dict[str, Callable[[random.Random], Attack]] = {}

    def fixed(name: str, write: Callable[[Place], Path | None], of_output: bool = False) -> None:
        found[name] = lambda draw: Attack(name, write, of_output)

    for kind in IN_PLACE_OF_A_FILE:
        fixed(f"run file: {kind}", _of_a_run(kind))
        fixed(f"plan: {kind}", _of_the_plan(kind))
    for name, target in LINKS.items():
        fixed(f"{name} is a link to outside", _link(name, target), of_output=True)
    for name in ("records.csv", "tables/comparison.csv", "figure.svg", "report.html"):
        for kind in OUTPUTS_IN_PLACE:
            fixed(f"{name}: {kind}", _in_place_of_an_output(name, kind), of_output=True)
    fixed("hard links", _hard_link, of_output=True)
    for write in (
        _many_metrics, _same_twice, _names, _odd_file_name, _odd_folder_name, _linked_suite,
        _linked_machine, _linked_runs, _looping_folder,
    ):  # fmt: skip
        fixed(write.__name__.strip("_").replace("_", " "), write)
    found["run file: a field"] = lambda draw: _field_of_a_run(draw, whole)
    found["run file: a field missing"] = lambda draw: _lacking(draw, whole)
    found["plan: a field"] = lambda draw: _field_of_a_plan(draw, whole)
    return found


def draw_attacks(whole: Whole, number: int, draw: random.Random) -> list[Attack]:
    """Each kind of entry once where the number allows, the rest single fields."""
    drawn = [kind(draw) for kind in attacks(whole).values()]
    chosen = [each for each in drawn if not each.of_output][:number]
    kinds = (*[_field_of_a_run] * 4, _lacking, _field_of_a_plan)
    chosen += [draw.choice(kinds)(draw, whole) for _ in range(number - len(chosen))]
    draw.shuffle(chosen)
    return [replace(each, seed=draw.getrandbits(60)) for each in chosen]


def of_outputs(whole: Whole) -> list[Attack]:
    """What lies where commands write."""
    drawn = (kind(random.Random(0)) for kind in attacks(whole).values())
    return [each for each in drawn if each.of_output]
