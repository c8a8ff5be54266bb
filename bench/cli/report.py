"""`liafbench report`: a results folder as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from liafbench.bench.cli.console import console, show_findings
from liafbench.bench.report import write_report


def report(
    results: Annotated[
        Path, typer.Argument(help="results folder of a machine, a suite or all suites")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write")] = Path(
        "report.html"
    ),
) -> None:
    """Write one HTML file of a results folder: tables, figures, claims, provenance."""
    show_findings(write_report(results, out))
    console.print(f"{escape(str(out))}: {out.stat().st_size / 2**20:.1f} MiB")
