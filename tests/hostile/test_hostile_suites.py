"""Suites from strangers: whatever a file holds, the answer is one line with file and field."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_values import TEXTS
from sandbox import run

from liafbench.baselines.errors import UsageError
from liafbench.bench import suites
from liafbench.bench.runs.plan import Options, check_data, plan
from liafbench.bench.suites import Suite
from liafbench.bench.suites.schema import RESERVED

WHOLE: dict[str, dict[str, Any]] = {
    "": {"name": "mine", "title": "Mine", "seeds": [0, 1]},
    "measure": {
        "count_samples": 2, "timing": True, "timing_rounds": 2, "timing_batch": 2, "metrics": [],
    },
    "group": {
        "tasks": ["digits-dvs"], "baselines": ["cnn"], "backbone": "small", "engine": "native",
        "budgets": ["equal-backbone"], "budget_reference": "liaf-net", "seeds": [3],
        "count_samples": 2, "time_limit": 60.5, "memory": 1.5, "gpus": 0.5,
    },
    "group.recipe": {
        "optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 8,
        "weight_decay": 0.5, "momentum": 0.5, "schedule": "cosine", "t_max": 3,
        "label_smoothing": 0.5, "loss": "cross-entropy", "gradient_clip": 1.5, "bucket": False,
        "augmentation": "none", "precision": "float32", "channels_last": True, "track_test": True,
    },
    "group.data": {"limit": 100, "contrast": 1.2, "frames": 10, "allow_partial": False},
}  # fmt: skip
"""Every key by section, each with a value of the type that docs/suites.md gives it."""

VALUES = (
    "0", "-1", "1", "2", "3.5", "1000.5", "1e400", "-1e9", "inf", "-inf", "nan", "true", "false",
    "9223372036854775808", "1" + "0" * 400, "9" * 5000, '"3"', '""', '"true"', '"nan"', "[]", "[0]",
    "[true]", '["0"]', "[0.5]", '["cnn"]', '[["cnn"]]', "[nan]", "{}", "{a = 1}", "2020-01-01",
    "07:32:00", "1979-05-27T07:32:00Z", "[" * 2000 + "]" * 2000, "[" * 50 + "]" * 50,
    '"' + "x" * 20_000 + '"', "[" + "1," * 20_000 + "]", '"\\u202e"', '"\\u001b[31m"',
    '"../up"', '"/tmp"', '"evil_mark:build"', '"\\u0000"', "'''a\nb'''", "0x10", "1_000",
)  # fmt: skip


def toml(sections: dict[str, dict[str, str]]) -> str:
    lines = []
    for section, fields in sections.items():
        head = {"": "", "group": "[[group]]"}.get(section, f"[{section}]")
        lines += [head, *(f"{key} = {text}" for key, text in fields.items())]
    return "\n".join(lines) + "\n"


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def sections() -> dict[str, dict[str, str]]:
    return {name: {k: written(v) for k, v in each.items()} for name, each in WHOLE.items()}


def kind(value: Any) -> Any:
    """The type of a value as a suite means it: a whole number may stand for a number."""
    if isinstance(value, (list, tuple)):
        return [kind(each) for each in value[:1]]
    return float if isinstance(value, float) else type(value)


def fits(given: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        inside = wanted[0] if wanted else ""
        return isinstance(given, list) and all(fits(each, inside) for each in given)
    if isinstance(wanted, float):
        return type(given) in (int, float)
    return type(given) is type(wanted)


def test_the_whole_file_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(toml(sections()))
    found = suites.read(path)
    assert {*WHOLE["group.recipe"], "learning_rate_grid", "tuning_seeds", "tuning_epochs"} == set(
        type(found.group[0].recipe).model_fields
    )
    assert {*WHOLE["group"], "recipe", "data", "options"} == set(type(found.group[0]).model_fields)
    assert {*WHOLE["measure"]} == set(type(found.measure).model_fields)
    assert {*WHOLE[""], "group", "measure"} == set(Suite.model_fields)


PLACES = [(section, key) for section, fields in WHOLE.items() for key in fields]


@pytest.mark.parametrize(("section", "key"), PLACES, ids=lambda each: each or "suite")
def test_every_value_of_another_type_is_one_line_with_file_and_field(
    section: str, key: str, tmp_path: Path
) -> None:
    import tomllib

    path = tmp_path / "mine.toml"
    for text in VALUES:
        changed = sections()
        changed[section][key] = text
        path.write_text(toml(changed))
        try:
            given = tomllib.loads(f"x = {text}")["x"]
        except (ValueError, RecursionError):
            given = None  # no TOML at all
        try:
            planned = plan(suites.read(path), Options(out=tmp_path))
            check_data(planned, None)
        except UsageError as error:
            said = str(error)
            assert len(said) < 1_000, text
            assert "more)" not in said
            assert re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said) is None, text
            if given is not None and not fits(given, WHOLE[section][key]):
                assert key in said, (text, said)
        else:
            assert fits(given, WHOLE[section][key]), f"{section}.{key} = {text[:60]} was taken"


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_name_that_other_folders_have_is_reserved(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(toml(sections()).replace('"mine"', f'"{name}"', 1))
    with pytest.raises(UsageError, match=rf"mine\.toml: name: '{name}' is reserved"):
        suites.read(path)


def test_no_shipped_suite_has_a_reserved_name() -> None:
    assert not RESERVED & set(suites.shipped())


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + toml(sections()).encode())
    assert suites.read(path).name == "mine"


@pytest.mark.parametrize(
    ("what", "said"),
    [("fifo", "a FIFO"), ("folder", "a folder"), ("loop", "a link"),
     ("dangling", "no such file"), ("device", "a device"), ("socket", "a socket"),
     ("large", "larger than 1 MiB"), ("utf-16", "not UTF-8"), ("absent", "no such file")],
)  # fmt: skip
def test_what_is_no_regular_file_is_one_line(what: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path.name)
    elif what == "dangling":
        path.symlink_to("nowhere")
    elif what == "device":
        path.symlink_to("/dev/zero")
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(tmp_path / "s"))
        (tmp_path / "s").rename(path)
    elif what == "large":
        path.write_bytes(toml(sections()).encode() + b"#" * 2**20)
    elif what == "utf-16":
        path.write_text(toml(sections()), encoding="utf-16")
    with pytest.raises(UsageError, match=said) as caught:
        suites.load(str(path))
    assert str(path) in str(caught.value)


def test_a_link_that_the_user_names_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text(toml(sections()))
    (tmp_path / "link.toml").symlink_to("real.toml")
    assert suites.load(str(tmp_path / "link.toml")).name == "mine"


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("group.data", "limit = 1000.5", "limit = 1000.5 must be a whole number"),
        ("group.data", "limit = 0", "limit = 0 must be above 0"),
        ("group.data", 'contrast = "high"', "contrast = 'high' must be a number"),
        ("group.data", "allow_partial = 1", "allow_partial = 1 must be true or false"),
        ("group.data", "limits = 3", "did you mean 'limit'"),
        ("group.options", 'alpha = "x"', "klif on digits-dvs with alpha = x: "),
        ("group.options", "k = [1, 2]", "klif"),
        ("group.options", "alfa = 1", "unknown option of klif 'alfa'"),
    ],
)
def test_data_and_options_are_checked_before_a_cell_runs(
    section: str, line: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\n[[group]]\ntasks = ["digits-dvs"]\nbaselines = ["klif"]\n'
        f"[group.recipe]\nepochs = 1\nbatch_size = 8\n[{section}]\n{line}\n"
    )
    with pytest.raises(UsageError) as caught:
        check_data(plan(suites.read(path), Options(out=tmp_path)), None)
    assert said in str(caught.value)


MODULES = {
    "raises": "raise RuntimeError('first line\\nsecond line')",
    "raises its own": "class Own(Exception): pass\nraise Own('x' * 10_000)",
    "exits": "import sys\nsys.exit(0)",
    "exits with text": "import sys\nsys.exit('bye')",
    "syntax": "def (",
    "imports what is not there": "import not_there_at_all",
    "recurses": "def f(): f()\nf()",
    "not text": "\x00",
}


@pytest.mark.parametrize("kind_of_module", MODULES)
def test_an_outside_module_that_cannot_be_imported_is_one_line(
    kind_of_module: str, tmp_path: Path
) -> None:
    name = f"outside_{kind_of_module.replace(' ', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULES[kind_of_module])
    path = tmp_path / "mine.toml"
    path.write_text(toml(sections()).replace('["cnn"]', f'["{name}:build"]'))
    words = ["run", str(path), "--dry-run", "--out", str(tmp_path / "out")]
    count = ["count", f"{name}:build", "--task", "digits-dvs", "--json"]
    for outcome in run([words, count], tmp_path):
        assert (outcome.code, outcome.fault) == (2, ""), outcome
        assert "Traceback" not in outcome.printed
        assert f"error: {name}:build: importing {name} failed: " in outcome.printed
        assert len(outcome.printed) < 700


def test_what_a_module_prints_when_it_is_imported_is_no_part_of_the_document(
    tmp_path: Path,
) -> None:
    (tmp_path / "outside_talks.py").write_text(
        "print('hello')\nimport torch\ndef build(backbone, **options):\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.LazyLinear(10))\n"
    )
    words = ["count", "outside_talks:build", "--task", "digits-dvs", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "liafbench", *words], capture_output=True, text=True, cwd=tmp_path
    )
    assert not done.stdout.startswith("hello"), done.stdout
    assert "hello" in done.stderr


def _random_bytes(draw: random.Random, whole: bytes) -> bytes:
    content = bytearray(whole)
    for _ in range(draw.randint(1, 8)):
        place = draw.randrange(len(content))
        change = draw.randrange(4)
        if change == 0:
            content[place] = draw.randrange(256)
        elif change == 1:
            del content[place : place + draw.randint(1, 30)]
        elif change == 2:
            content[place:place] = draw.choice(TEXTS).encode("utf-8", "surrogatepass")[:100]
        else:
            content[place:place] = content[: draw.randint(1, 60)]
        if not content:
            content = bytearray(b"x")
    return bytes(content)


def _fuzz(folder: Path, number: int, seed: int) -> None:
    draw, whole = random.Random(seed), toml(sections()).encode()
    path = folder / "mine.toml"
    for _ in range(number):
        path.write_bytes(_random_bytes(draw, whole))
        try:
            found = suites.read(path)
        except UsageError as error:
            said = str(error)
        else:
            said = f"{path}: {found.name}"
        assert said.startswith(f"{path}: ")
        assert "\n" not in said


def test_three_hundred_damaged_suites_are_one_line_each(tmp_path: Path) -> None:
    _fuzz(tmp_path, 300, seed=10)


@pytest.mark.soak
def test_twenty_thousand_damaged_suites_are_one_line_each(tmp_path: Path) -> None:
    _fuzz(tmp_path, 20_000, seed=random.randrange(10**6))


def test_the_suite_of_another_user_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    shutil.copy(suites.shipped()["quick"], path)
    path.chmod(0)
    (outcome,) = run([["run", str(path), "--dry-run", "--out", str(tmp_path / "out")]], tmp_path)
    assert (outcome.code, outcome.fault) == (2, "")
    assert "Permission denied" in outcome.printed.replace("\n", " ")
