"""`liafbench costs`: what every baseline costs on every task and backbone, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from liafbench.bench.cli.console import console, note
from liafbench.bench.costs import table
from liafbench.bench.results import load
from liafbench.bench.runfiles import check_writable
from liafbench.bench.runs.provenance import commit


def costs(
    out: Annotated[
        Path, typer.Option(help="results folder; sparse columns come from its trained networks")
    ] = Path("liafbench-results"),
) -> None:
    """Count every baseline on every task and backbone; write RESULTS/counting."""
    check_writable(out / "counting")
    records = load(out).records if any(out.glob("*/*/runs")) else None
    for path in table.run(out, records, _say_place, commit()):
        console.print(f"table:   {path}")


def _say_place(place: table.Place) -> None:
    note.print(f"counted {place.task} {place.backbone} {place.budget} {escape(place.baseline)}")
