"""The data sets: every module of this package that is not a folder is one.

`load("fashion-mnist", data_dir)` gives train, validation and test; docs/data.md has the rules.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from liafbench.baselines import plugins
from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.tasks.common.fetching import fetch_task
from liafbench.bench.tasks.common.files import TaskState, check_task
from liafbench.bench.tasks.common.splits import Batch, Split, Splits
from liafbench.bench.tasks.common.task import DataFile, Shape, Task, base_folder

__all__ = [
    "TASKS",
    "Batch",
    "DataFile",
    "Shape",
    "Split",
    "Splits",
    "Task",
    "TaskState",
    "check",
    "fetch",
    "get",
    "load",
]

TASKS: dict[str, Task] = {}
BROKEN: dict[str, str] = {}
"""Files of this folder that give no task, and why; the others are there all the same."""


def _read(file: str) -> tuple[Task, ...]:
    """The tasks of one file of this folder."""
    try:
        found = tuple(import_module(f"{__name__}.{file}").TASKS)
    except (Exception, SystemExit) as error:  # a broken file is one line of a list
        raise UsageError(f"{type(error).__name__}: {error}") from error
    for task in found:
        if not isinstance(task, Task):
            raise UsageError(f"TASKS holds a {type(task).__name__}; it must hold a Task")
        if task.name in TASKS:
            raise UsageError(f"a second task of the name {task.name!r}")
    return found


for _module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
    if not _module.ispkg:
        try:
            TASKS |= {task.name: task for task in _read(_module.name)}
        except UsageError as error:
            BROKEN[f"{_module.name}.py"] = str(error)


def get(name: str) -> Task:
    """A task by its name, `package.module:TASK` too; UsageError with the nearest match."""
    if name in TASKS:
        return TASKS[name]
    found = plugins.find(plugins.TASK_GROUP, name)
    if found is None:
        error = unknown("task", name, [*TASKS, *plugins.declared(plugins.TASK_GROUP)])
        broken = "".join(f"; {file} cannot be read: {why}" for file, why in BROKEN.items())
        raise UsageError(f"{error}{broken}")
    if not isinstance(found, Task):
        raise UsageError(
            f"task {name!r} is a {type(found).__name__}; it must be a liafbench.bench.tasks.Task"
        )
    return replace(found, name=name)


def load(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    backbone: str | None = None,
    limit: int | None = None,
    allow_partial: bool = False,
    allow_unofficial: bool = False,
    **options: Any,
) -> Splits:
    """Train, validation and test of a task, with their provenance.

    The files are in `data_dir`/<task folder>, or below LIAFBENCH_DATA. `backbone` fixes the shape
    of event frames and the repeats of static images (None: the task's first). `limit` takes the
    first training samples only. `allow_partial` accepts a subset of the official files,
    `allow_unofficial` files whose checksum is not the official one; the provenance says so.
    `get(name).options` lists the further options of a task.
    """
    return get(name).load(
        data_dir,
        backbone=backbone,
        limit=limit,
        allow_partial=allow_partial,
        allow_unofficial=allow_unofficial,
        **options,
    )


def check(
    data_dir: str | os.PathLike[str] | None = None, names: Iterable[str] = ()
) -> list[TaskState]:
    """What is there of the named tasks, or of all, below the data folder or LIAFBENCH_DATA."""
    folder = base_folder(data_dir)
    if not os.path.isdir(folder):
        raise UsageError(f"no data folder {folder}")
    return [check_task(get(name), folder) for name in (tuple(names) or TASKS)]


def fetch(
    name: str, data_dir: str | os.PathLike[str] | None = None, progress: Any = None
) -> list[Path]:
    """Download, check and unpack what is missing of a task; the files that were made.

    A local file always wins. `progress` is an object as pooch's `progressbar` wants it.
    """
    return fetch_task(get(name), base_folder(data_dir), progress)
