"""`python -m studies.neurons`: measures, and writes RESULTS/neurons/<machine>/."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.console import console, note
from liafbench.bench.runfiles import check_writable
from studies.neurons import Plan, run
from studies.neurons.report import frame, markdown


def neurons(
    out: Annotated[Path, typer.Option(help="folder of the results")] = Path("liafbench-results"),
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
) -> None:
    """The neurons of every engine against the memory limit, as layers and in a network."""
    check_writable(out / "neurons")
    found = run(out, Plan(device=device), progress=lambda line: note.print(escape(line)))
    console.print(markdown(frame(found.verdicts())))


if __name__ == "__main__":
    try:
        typer.run(neurons)
    except UsageError as error:
        note.print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(2)
