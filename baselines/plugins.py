"""Models, tasks and metrics of other packages, found by name.

A name is `package.module:attribute`, or one that an installed package declares in an entry point
group. A module of the folder the command runs in wins, and shadows nothing: where something
installed has its name, it is imported under another one.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from liafbench.baselines.errors import UsageError, unknown

BASELINE_GROUP = "liafbench.baselines"
TASK_GROUP = "liafbench.tasks"
METRIC_GROUP = "liafbench.metrics"
SUITE = "liafbench"
"""Its own code is told by the numerics version."""


class PluginError(UsageError):
    """Code of another package that raises, or ends the process, when it is used."""


@functools.cache
def declared(group: str) -> dict[str, str]:
    """Name -> `package.module:attribute` of every entry point of a group."""
    found = importlib.metadata.entry_points(group=group)
    return {each.name: each.value for each in sorted(found, key=lambda each: each.name)}


def address(group: str, name: str) -> str | None:
    """Where the object of that name is, as `package.module:attribute`; None if unknown."""
    return name if ":" in name else declared(group).get(name)


def find(group: str, name: str) -> Any:
    """The object of that name, None where no other package has it; UsageError if it is broken."""
    where = address(group, name)
    return None if where is None else _attribute(where)


def fingerprint(group: str, name: str) -> str | None:
    """SHA-256 (16 hex digits) of the code of an outside object; None for the suite's own names.

    Over every .py file of the top-level package it lies in, or over its module where that is a
    file of its own, and over what these import from the same folder: a change of the code, of a
    neuron in a file beside the model for instance, is a new run.
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
    """Import a module; what it prints goes to stderr, as stdout is for what was asked for."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    top, dot, rest = name.partition(".")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            if _is_hidden(name, Path.cwd()):
                return importlib.import_module(_alias(top, Path.cwd()) + dot + rest)
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            advice = f"install it, or start in the folder that holds it (now {os.getcwd()})"
            raise UsageError(f"{where}: no module {error.name!r}; {advice}") from error
        raise UsageError(f"{where}: importing {name} failed: {_placed(error)}") from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"{where}: importing {name} failed: {_placed(error)}") from error


def _is_hidden(name: str, folder: Path) -> bool:
    """Whether a module of the folder has the name of something that is found before it."""
    path = folder.joinpath(*name.split("."))
    if not path.with_suffix(".py").is_file() and not (path / "__init__.py").is_file():
        return False
    top = name.partition(".")[0]
    loaded = sys.modules.get(top)
    spec = loaded.__spec__ if loaded else importlib.util.find_spec(top)
    if spec is None:
        return False
    places = spec.submodule_search_locations or [spec.origin or ""]
    return folder.resolve() not in {Path(place).resolve().parent for place in places}


def _alias(top: str, folder: Path) -> str:
    """Import a module or package of the folder under a name that nothing else has; that name."""
    alias, file = f"{top}_of_working_folder", folder / f"{top}.py"
    if alias in sys.modules:
        return alias
    package = folder / top / "__init__.py"
    if package.is_file() or file.is_file():
        found = package if package.is_file() else file
        spec = importlib.util.spec_from_file_location(alias, found)
    else:
        spec = importlib.machinery.ModuleSpec(alias, None, is_package=True)
        spec.submodule_search_locations = [str(folder / top)]
    assert spec is not None
    module = sys.modules[alias] = importlib.util.module_from_spec(spec)
    try:
        if spec.loader is not None:
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[alias]
        raise
    return alias


@contextlib.contextmanager
def guarded(what: str) -> Iterator[None]:
    """Around code of another package: what it prints goes to stderr, what it raises is one line."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{what} failed: {_placed(error)}") from error


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
    top = sys.modules[module.__name__.partition(".")[0]]
    digest = hashlib.sha256()
    roots = sorted(Path(each) for each in getattr(top, "__path__", ()))
    own = [(root, path) for root in roots for path in sorted(root.rglob("*.py"))]
    for root, path in own:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    files = [path for _, path in own]
    if not roots and module.__file__:
        files = [Path(module.__file__)]
        digest.update(files[0].read_bytes())
    for folder in [root.parent for root in roots] or [each.parent for each in files]:
        for path in sorted(_beside(folder, files) - set(files)):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _beside(folder: Path, files: Iterable[Path]) -> set[Path]:
    """The files of a user's folder that these import, and those import; packages whole."""
    installed = {Path(each).resolve() for each in sysconfig.get_paths().values()}
    if folder.resolve() in installed or folder.name in ("site-packages", "dist-packages"):
        return set()  # what is installed has versions
    found: set[Path] = set()
    todo = list(files)
    while todo:
        for name in _imports(todo.pop()) - {SUITE}:
            module, package = folder / f"{name}.py", folder / name
            new = {module} if module.is_file() else set(package.rglob("*.py"))
            todo += new - found
            found |= new
    return found


def _imports(path: Path) -> set[str]:
    """The top-level modules that a file's import statements name."""
    found = set()
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # it is another file's matter that it does not import
        return set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def clear_cache() -> None:
    """Look names up again, and the code behind them, in this process."""
    for function in (declared, _attribute, _checksum):
        function.cache_clear()
