"""How a cell that did not finish is recorded: the reason in one line, the end of its log."""

from __future__ import annotations

import os
import signal
import sysconfig
import traceback
from pathlib import Path

import liafbench
from liafbench.baselines.plugins import PluginError
from liafbench.bench.runfiles import Run
from liafbench.bench.runs.provenance import provenance
from liafbench.bench.runs.queue import Job
from liafbench.bench.training import Diverged

PRINTED_LINES = 12
LOG_LINES = 20
_STACK = "(most recent call first):"
_FOLDERS = tuple(
    str(folder) + os.sep
    for folder in (
        sysconfig.get_path("purelib"),
        sysconfig.get_path("stdlib"),
        Path(liafbench.__file__).resolve().parent,
        Path(liafbench.__file__).resolve().parents[1],
    )
)


class CellDied(RuntimeError):
    """The process of a cell ended before the cell did."""

    def __init__(self, exitcode: int | None) -> None:
        super().__init__(f"its process {_how_it_ended(exitcode)}")


class TimeLimit(RuntimeError):
    """A cell took longer than its group allows."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"exceeded its time limit of {seconds:g} s")


def failed(job: Job, error: BaseException) -> Run:
    """Store and return the failed run of a job."""
    run = Run.of(
        run_id=job.cell.run_id,
        suite=job.cell.suite,
        kind=job.cell.kind,
        status="failed",
        reason=reason_of(error),
        log=_log(job.store.log(job.cell.run_id), error),
        config=job.cell.config(),
        provenance=provenance(job.device, threads=1),
        curves=error.curves if isinstance(error, Diverged) else {},
        health=error.health if isinstance(error, Diverged) else [],
    )
    # Weights of an earlier try must not pass for those of a run that failed.
    job.store.forget_weights(run.run_id)
    job.store.write(run)
    return run


def reason_of(error: BaseException) -> str:
    """What a run file says of an error."""
    if isinstance(error, CellDied | TimeLimit):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode == -signal.SIGKILL:
        return "was killed (SIGKILL: the system does this when memory runs out)"
    if exitcode is not None and exitcode < 0:
        return f"was ended by {signal.Signals(-exitcode).name}"
    return f"died (exit code {exitcode})"


def _log(path: Path, error: BaseException) -> list[str]:
    """The last lines of what the cell printed, and where it was when it ended.

    Files are named within their package: where it lies is a matter of the machine.
    """
    return [_within_package(line) for line in _last_lines(path, error)]


def _within_package(line: str) -> str:
    for folder in _FOLDERS:
        line = line.replace(folder, "")
    return line


def _last_lines(path: Path, error: BaseException) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    if isinstance(error, CellDied | TimeLimit):
        # A stack of the interpreter itself has the innermost call first.
        at = next((n for n, line in enumerate(lines) if _STACK in line), len(lines))
        return [*lines[:at][-PRINTED_LINES:], *lines[at:][:LOG_LINES]]
    # Of code that was given, its own place tells more than ours.
    cause = error.__cause__ if isinstance(error, PluginError) else None
    trace = "".join(traceback.format_exception(cause or error)).splitlines()
    return [*lines[-PRINTED_LINES:], *trace[-LOG_LINES:]]
