"""`liafbench tables`: every table again, from the run files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liafbench.bench.cli.console import show_findings, show_path
from liafbench.bench.tables.render import FORMATS
from liafbench.bench.tables.write import write_all


def tables(
    results: Annotated[
        Path, typer.Argument(help="results folder of a machine, a suite or all suites")
    ],
    formats: Annotated[
        str, typer.Option("--format", help="csv, md, tex, separated by commas")
    ] = ",".join(FORMATS),
    columns: Annotated[
        str | None, typer.Option(help="columns (metrics) of the comparison, separated by commas")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="only these tasks, separated by commas")] = None,
    baselines: Annotated[
        str | None, typer.Option(help="only these baselines, separated by commas")
    ] = None,
) -> None:
    """Write the tables of a results folder from its run files.

    A folder of all suites also gives the tables of claims.
    """
    written = write_all(
        results,
        _split(formats) or FORMATS,
        columns=_split(columns),
        tasks=_split(tasks),
        baselines=_split(baselines),
    )
    for path in written.paths:
        show_path(path)
    show_findings(written.findings)


def _split(text: str | None) -> list[str] | None:
    """`a,b` as a list; None where nothing was asked for."""
    return [part.strip() for part in text.split(",") if part.strip()] if text else None
