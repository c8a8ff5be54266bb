"""Suite files: the shipped ones by name, anybody's by path."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.suites.schema import Group, Measure, Recipe, Suite

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
    if path.suffix == ".toml" or path.exists():
        return read(path)
    raise unknown("suite", suite, shipped())


def read(path: Path) -> Suite:
    """Read one suite file; an error names the file and the field."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    try:
        return Suite.model_validate(document)
    except ValidationError as error:
        raise UsageError(f"{path}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    # A misspelt key explains the missing field that follows from it: say it first.
    problem = min(problems, key=lambda each: each["type"] != "extra_forbidden")
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return _unknown_key(problem["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where.lstrip('.') or 'suite'}: {problem['msg']}{more}"


def _unknown_key(location: tuple[int | str, ...]) -> str:
    model: type = Suite
    for part in location[:-1]:
        if isinstance(part, str):
            model = _SECTIONS.get(part, model)
    fields = getattr(model, "model_fields", {})
    path = ".".join(str(part) for part in location[:-1]) or "suite"
    return f"{path}: {unknown('key', location[-1], fields)}"
