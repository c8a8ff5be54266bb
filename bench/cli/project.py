"""`liafbench project`: how long suites take on more or fewer workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liafbench.bench import suites
from liafbench.bench.cli.console import console
from liafbench.bench.projection import Projection, Rates, Span
from liafbench.bench.projection import project as projected

WORKERS = (1, 8, 64)


def project(
    suite: Annotated[list[str], typer.Argument(help="suites: names or TOML files")],
    measured: Annotated[
        list[Path] | None,
        typer.Option(
            help="results of cells that were measured; can be repeated [default: results]"
        ),
    ] = None,
    costs: Annotated[Path, typer.Option(help="dense counts: costs.csv of `run counting`")] = Path(
        "results/counting/costs.csv"
    ),
) -> None:
    """Project the training time of suites from measured training cells."""
    rates = Rates(measured or [Path("results")], costs)
    lines = [
        "| suite | workers | cells | hours: median (lowest to highest rate) | speed-up |",
        "| :-- | --: | --: | --: | --: |",
    ]
    for name in suite:
        lines += _rows(projected(suites.load(name), rates))
    console.print("\n".join(lines), markup=False)


def _rows(found: Projection) -> list[str]:
    alone = found.hours(1).middle
    cells = len(found.tuning) + len(found.training)
    return [
        f"| {found.suite} | {n} | {cells:,} | {_span(found.hours(n))} | "
        f"{alone / found.hours(n).middle:.1f} |"
        for n in WORKERS
    ]


def _span(hours: Span) -> str:
    low, middle, high = (f"{float(f'{value:.2g}'):,.0f}" for value in
                         (hours.low, hours.middle, hours.high))  # fmt: skip
    return f"{middle} ({low} to {high})"
