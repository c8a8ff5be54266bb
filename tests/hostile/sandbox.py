"""A process of its own for commands over hostile folders: bounded, and without root's rights."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import liafbench.bench.cli
from liafbench.bench.cli.console import console, note

MEMORY = 1 << 30
"""Bytes that reading any folder may take above what the process holds."""
CPU_SECONDS = 60
PATIENCE_SECONDS = 300
"""A guard against what never ends, such as reading a FIFO; it measures nothing."""


@dataclass(frozen=True)
class Outcome:
    """How one command ended; `code` is None where the process did not live to tell."""

    words: tuple[str, ...]
    code: int | None
    printed: str
    fault: str = ""


@functools.cache
def _import_everything() -> None:
    """Import what commands import when they are called, so that no forked process has to."""
    for each in pkgutil.iter_modules(liafbench.bench.cli.__path__, "liafbench.bench.cli."):
        importlib.import_module(each.name)
    for name in ("matplotlib.figure", "matplotlib.backends.backend_svg", "plotly.graph_objects"):
        importlib.import_module(name)


def run(
    commands: Sequence[Sequence[str]], cwd: Path, before: Callable[[], object] = bool
) -> list[Outcome]:
    """Run commands one after the other in one forked process; one that kills it is the last.

    `before` is called in that process first.
    """
    _import_everything()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        before()
        os._exit(_work(commands, cwd, writing))
    os.close(writing)
    outcomes = _collect(commands, reading)
    if len(outcomes) < len(commands):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if len(outcomes) < len(commands):
        words = tuple(commands[len(outcomes)])
        ended = f"ended by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "ended"
        outcomes.append(Outcome(words, None, "", f"hangs, or uses too much of the CPU: {ended}"))
    return outcomes


def _collect(commands: Sequence[Sequence[str]], reading: int) -> list[Outcome]:
    found: list[Outcome] = []
    rest = b""
    until = time.monotonic() + PATIENCE_SECONDS
    with os.fdopen(reading, "rb", buffering=0) as file:
        while len(found) < len(commands):
            if not select.select([file], [], [], max(0.0, until - time.monotonic()))[0]:
                break
            piece = file.read(1 << 20)
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                fields = json.loads(line)
                found.append(Outcome(tuple(commands[len(found)]), **fields))
                until = time.monotonic() + PATIENCE_SECONDS
    return found


def _work(commands: Sequence[Sequence[str]], cwd: Path, report: int) -> int:
    log = os.open(cwd / ".printed", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.chdir(cwd)
    os.environ |= {"COLUMNS": "200", "NO_COLOR": "1"}
    for number in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDONLY) if number == 0 else log, number)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    # They took their width when they were first imported, which may be long ago.
    console.width = note.width = 200
    without_rights_over_files()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS * max(1, len(commands)), -1))
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, -1))
    for words in commands:
        os.ftruncate(log, 0)
        os.lseek(log, 0, os.SEEK_SET)
        code, fault = _command(words)
        printed = os.pread(log, 8 << 20, 0).decode(errors="backslashreplace")
        line = json.dumps({"code": code, "printed": printed, "fault": fault}).encode() + b"\n"
        while line:
            line = line[os.write(report, line) :]
    return 0


def _command(words: Sequence[str]) -> tuple[int, str]:
    from liafbench.bench.cli.main import main

    sys.argv = ["liafbench", *words]
    code, fault = 0, ""
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, it is what the test looks for
        code, fault = 1, traceback.format_exc()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code, fault


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Rights(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


def without_rights_over_files() -> None:
    """Let permissions hold for root too, as they do for everybody else."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, rights = _Header(0x20080522, 0), (_Rights * 2)()
    if libc.capget(ctypes.byref(header), rights):
        raise OSError(ctypes.get_errno(), "capget")
    rights[0].effective &= ~0b111  # CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH
    if libc.capset(ctypes.byref(header), rights):
        raise OSError(ctypes.get_errno(), "capset")


def snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder: kind, mode, time of change and content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        regular = path.is_file() and not path.is_symlink()
        content = path.read_bytes() if regular else os.readlink(path) if path.is_symlink() else ""
        found[str(path.relative_to(folder))] = (state.st_mode, state.st_mtime_ns, content)
    return found
