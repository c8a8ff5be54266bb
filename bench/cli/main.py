"""The command `liafbench`: its subcommands, and how it ends."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer
from rich.markup import escape

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.check import check
from liafbench.bench.cli.cite import cite
from liafbench.bench.cli.compare import compare
from liafbench.bench.cli.console import note
from liafbench.bench.cli.count import count
from liafbench.bench.cli.data import data_app
from liafbench.bench.cli.figure import figure
from liafbench.bench.cli.listing import list_names
from liafbench.bench.cli.project import project
from liafbench.bench.cli.report import report
from liafbench.bench.cli.run import run
from liafbench.bench.cli.tables import tables
from liafbench.bench.cli.time import time

USAGE = 2
INTERRUPTED = 130

app = typer.Typer(
    name="liafbench",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Put spatiotemporal networks on the same data: accuracy, synapses, MACs and ACs, "
    "energy, throughput.",
    epilog="Exit codes: 0 all well; 1 a cell failed, or a check found something wrong; "
    "2 a mistake in what was asked; 130 interrupted (what is finished is kept).",
)
app.command("run")(run)
app.command("list")(list_names)
app.command("count")(count)
app.command("time")(time)
app.command("tables")(tables)
app.command("compare")(compare)
app.command("report")(report)
app.command("project")(project)
app.command("figure")(figure)
app.command("cite")(cite)
app.command("check")(check)
app.add_typer(data_app, name="data")


def main() -> None:
    """Run the command; a user's mistake is one line on stderr and exit code 2."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app()
    except UsageError as error:
        note.print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(USAGE)
    except Interrupted:
        note.print("interrupted: what is finished is kept; the same command goes on from there")
        sys.exit(INTERRUPTED)


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM; unlike KeyboardInterrupt no library on the way takes it for its own."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted
