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
        Path, typer.Argument(help="results folder: of a machine, of a suite, or of all suites")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help=".svg, .pdf or .png")] = Path(
        "figure.svg"
    ),
    place: Annotated[
        str | None, typer.Option(help="which comparison: a task, or more of its description")
    ] = None,
    costs: Annotated[
        str, typer.Option(help="metrics to draw accuracy against, joined by commas")
    ] = ",".join(COSTS),
    theme: Annotated[Theme, typer.Option(help="colours of paper and text")] = Theme.light,
) -> None:
    """Draw accuracy against cost, with the Pareto front."""
    names = [each.strip() for each in costs.split(",") if each.strip()]
    write_figure(results, out, place, names, theme.value)
    console.print(escape(str(out)))
