"""Models, tasks and metrics of other packages, found by name.

A name is `package.module:attribute`, or one that an installed package declares in an entry point
group. The folder the command runs in is searched after everything that is installed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import importlib.metadata
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from liafbench.baselines.errors import UsageError, unknown

BASELINE_GROUP = "liafbench.baselines"
TASK_GROUP = "liafbench.tasks"
METRIC_GROUP = "liafbench.metrics"


@functools.cache
def declared(group: str) -> dict[str, str]:
    """Name -> `package.module:attribute` of every entry point of a group."""
    found = importlib.metadata.entry_points(group=group)
    return {each.name: each.value for each in sorted(found, key=lambda each: each.name)}


def address(group: str, name: str) -> str | None:
    """Where the object of that name is, as `package.module:attribute`; None if nobody says."""
    return name if ":" in name else declared(group).get(name)


def find(group: str, name: str) -> Any:
    """The object of that name, None where no other package has it; UsageError if it is broken."""
    where = address(group, name)
    return None if where is None else _attribute(where)


def fingerprint(group: str, name: str) -> str | None:
    """SHA-256 (16 hex digits) of the code of an outside object; None for the suite's own names.

    Over every .py file of the top-level package it lies in, or over its module where that is a
    file of its own: a change of the code is a new run.
    """
    where = address(group, name)
    return None if where is None else _checksum(where.partition(":")[0])


@functools.cache
def _attribute(where: str) -> Any:
    module_name, _, attribute = where.partition(":")
    if not module_name or not attribute:
        raise UsageError(f"{where!r} is no name of an object; write package.module:attribute")
    module = _module(module_name, where)
    if not hasattr(module, attribute):
        names = [each for each in vars(module) if not each.startswith("_")]
        raise unknown(f"name in {module_name}", attribute, names)
    return getattr(module, attribute)


def _module(name: str, where: str) -> ModuleType:
    """Import a module; the working folder is searched last, so that it shadows nothing.

    What it prints goes to stderr: stdout is for what was asked for.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            advice = f"install it, or start in the folder that holds it (now {os.getcwd()})"
            raise UsageError(f"{where}: no module {error.name!r}; {advice}") from error
        raise UsageError(f"{where}: importing {name} failed: {_placed(error)}") from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"{where}: importing {name} failed: {_placed(error)}") from error


def _placed(error: BaseException) -> str:
    """An exception in one line of at most 300 characters, with the file and line that raised it."""
    said = " ".join(str(error).split())[:300]
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {said}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {said} ({Path(last.filename).name}, line {last.lineno})"


@functools.cache
def _checksum(module_name: str) -> str:
    """Names and contents of the files, in order, so that a renamed file counts too."""
    module = _module(module_name, module_name)
    top = sys.modules[module_name.partition(".")[0]]
    digest = hashlib.sha256()
    for root in sorted(Path(each) for each in getattr(top, "__path__", ())):
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    if not hasattr(top, "__path__") and module.__file__:
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()[:16]


def clear_cache() -> None:
    """Look names up again, and the code behind them, in this process."""
    for function in (declared, _attribute, _checksum):
        function.cache_clear()
