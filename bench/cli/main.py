"""The command `liafbench`: its subcommands, and how it ends."""

from __future__ import annotations

import errno
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
        app()
    except UsageError as error:
        note.print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(USAGE)
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what is left is flushed at exit
        note.print(f"[bold red]error:[/] the output cannot be written: {error.strerror}")
        sys.exit(USAGE)
    except Interrupted:
        note.print("interrupted: finished cells are kept; the same command continues from there")
        sys.exit(INTERRUPTED)


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM; unlike KeyboardInterrupt no library on the way takes it for its own."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted
