"""The command `liafbench`: its subcommands, and how it ends."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from types import FrameType

import typer
from rich.markup import escape

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.commands import Commands
from liafbench.bench.cli.console import note

USAGE = 2
INTERRUPTED = 130
UNWRITABLE = (errno.ENOSPC, errno.EIO, errno.EBADF)
"""How a write to standard output fails where that is full or closed."""

app = typer.Typer(
    name="liafbench",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 success; 1 a cell failed, or a check found something wrong; "
    "2 usage error; 130 interrupted (finished cells are kept).",
)


@app.callback()
def options() -> None:
    """Compare spatiotemporal networks on the same data.

    Accuracy, synapses, MACs and ACs, energy, throughput.
    """


def main() -> None:
    """Run the command; a user's mistake is one line on stderr and exit code 2."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        _open_streams()
        app()
    except UsageError as error:
        _say(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(USAGE)
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what is left is flushed at exit
        _say(f"[bold red]error:[/] the output cannot be written: {error.strerror}")
        sys.exit(USAGE)
    except Interrupted:
        _say("interrupted: finished cells are kept; the same command continues from there")
        sys.exit(INTERRUPTED)


def _open_streams() -> None:
    """Open the standard streams that are closed, and let all take every text.

    A file would take the place of one that is closed, and get what is printed, by a library too.
    """
    closed = []
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            closed.append(name)
            handle = os.open(os.devnull, os.O_RDWR)
            os.dup2(handle, number)  # also where it has that number: a process to come inherits it
            os.set_inheritable(number, True)
            if handle != number:
                os.close(handle)
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what its encoding has not, escaped
    if "stdout" in closed:
        note.print("standard output is closed: what would be shown there is left out")


def _say(text: str) -> None:
    """The last words; there may be no place for them."""
    with contextlib.suppress(OSError):
        note.print(text)


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM; unlike KeyboardInterrupt no library on the way takes it for its own."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted
