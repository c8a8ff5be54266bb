"""`liafbench figure`: accuracy against cost as a figure for a paper or a page."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from liafbench.bench.cli.console import console
from liafbench.bench.report.paper import COSTS, write_figure


class Theme(StrEnum):
    """Of bench.report.paper."""

    light = "light"
    dark = "dark"


def figure(
    results: Annotated[
        Path, typer.Argument(help="results folder of a machine, a suite or all suites")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="file: .svg, .pdf or .png")] = Path(
        "figure.svg"
    ),
    select: Annotated[
        str | None,
        typer.Option(help="comparison to draw: a task, or a longer part of its description"),
    ] = None,
    costs: Annotated[
        str, typer.Option(help="metrics on the x axes, separated by commas")
    ] = ",".join(COSTS),
    theme: Annotated[Theme, typer.Option(help="colours of background and text")] = Theme.light,
) -> None:
    """Draw accuracy against cost, with the Pareto front."""
    names = [each.strip() for each in costs.split(",") if each.strip()]
    write_figure(results, out, select, names, theme.value)
    console.print(escape(str(out)))
