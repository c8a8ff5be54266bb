"""Suite files: the shipped ones by name, anybody's by path."""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.runfiles import Unreadable, read_bytes
from liafbench.bench.suites.schema import Group, Measure, Recipe, Suite

MOST_BYTES = 2**20
SHOWN = 300  # characters of a reason
_SECTIONS: dict[str, type] = {"group": Group, "recipe": Recipe, "measure": Measure}


def shipped() -> dict[str, Path]:
    """The suite files that come with the package, by name."""
    folder = Path(str(files("liafbench.bench.suites")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(suite: str) -> Suite:
    """Read a shipped suite by its name, or any suite by the path of its TOML file."""
    if suite in shipped():
        return read(shipped()[suite])
    path = Path(suite)
    if path.suffix == ".toml" or os.path.lexists(path):
        return read(path)
    raise unknown("suite", suite, shipped())


def read(path: Path) -> Suite:
    """Read one suite file; an error names the file and the field."""
    try:
        # A link that the user names is followed, unlike one in a results folder.
        content = read_bytes(Path(os.path.realpath(path)), MOST_BYTES)
        document = tomllib.loads(content.decode("utf-8-sig"))
        return Suite.model_validate(document)
    except (FileNotFoundError, Unreadable, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {_unreadable(error)}") from error
    except ValidationError as error:
        raise UsageError(f"{path}: {_first_problem(error)}") from error
    except (ValueError, RecursionError) as error:  # also a number of too many digits
        raise UsageError(f"{path}: not valid TOML: {str(error)[:SHOWN]}") from error


def _unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "cannot be read: no such file"
    if isinstance(error, UnicodeDecodeError):
        return f"cannot be read: not UTF-8 at byte {error.start}"
    return str(error)


def _first_problem(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False)
    # A misspelt key explains the missing field that follows from it: say it first.
    problem = min(problems, key=lambda each: each["type"] != "extra_forbidden")
    if problem["type"] == "extra_forbidden":
        return _unknown_key(problem["loc"])
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    where = "".join(parts).lstrip(".")[:SHOWN] or "suite"
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"


def _unknown_key(location: tuple[int | str, ...]) -> str:
    model: type = Suite
    for part in location[:-1]:
        if isinstance(part, str):
            model = _SECTIONS.get(part, model)
    fields = getattr(model, "model_fields", {})
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location[:-1])
    return f"{path.lstrip('.') or 'suite'}: {unknown('key', str(location[-1])[:80], fields)}"
