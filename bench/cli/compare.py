"""`liafbench compare`: two machines, two commits, or one folder and the papers."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.markup import escape
from rich.table import Table

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.console import console, emit_json, note, show_findings
from liafbench.bench.compare import differences, ratios, read_side
from liafbench.bench.results import load
from liafbench.bench.tables.published import against_published
from liafbench.bench.tables.terminal import terminal

PUBLISHED = "published"


def compare(
    a: Annotated[Path, typer.Argument(help="results folder, the denominator of the ratios")],
    b: Annotated[
        str, typer.Argument(help="results folder, or `published` for the figures of the papers")
    ],
    metric: Annotated[list[str] | None, typer.Option(help="only this metric; repeatable")] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Compare two results folders, or one with the papers.

    Differences in provenance and configuration first, then the ratios B / A of every metric.
    `published` compares accuracies with the figures printed in the papers.
    """
    if b == PUBLISHED:
        _against_the_papers(a, json)
        return
    left, right = read_side(a), read_side(Path(b))
    show_findings([*left.findings, *right.findings])
    surroundings = differences(left, right)
    table = ratios(left, right)
    if metric:
        table = _only(table, metric)
    if json:
        emit_json({"differences": _rows(surroundings), "ratios": _rows(table)})
        return
    console.print(_differences_table(surroundings))
    for (task, backbone), rows in table.groupby(["task", "backbone"], sort=True):
        console.print(_ratio_table(f"{task} ({backbone})", rows))
    note.print(f"ratio = {escape(b)} / {escape(str(a))}; * = apart by more than both spreads")


def _against_the_papers(results: Path, json: bool) -> None:
    loaded = load(results)
    show_findings(loaded.findings)
    table = against_published(loaded)
    if table.frame.empty:
        raise UsageError(f"{results}: no cell of it has a published figure")
    if json:
        emit_json({"published": _rows(table.frame)})
    else:
        console.print(terminal(table))


def _only(table: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    known = sorted(set(table["metric"]))
    missing = [name for name in metrics if name not in known]
    if missing:
        raise UsageError(
            f"--metric {missing[0]}: not in both folders; they share {', '.join(known)}"
        )
    return table[table["metric"].isin(metrics)]


def _rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Plain JSON values; what is not a number becomes null."""
    found: list[dict[str, object]] = json_module.loads(
        frame.to_json(orient="records", double_precision=15)
    )
    return found


def _differences_table(frame: pd.DataFrame) -> Table | str:
    if frame.empty:
        return "provenance and configuration are the same"
    table = Table(title="what differs", title_justify="left", box=None, pad_edge=False)
    for column in frame.columns:
        table.add_column(column, overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(str(value)) for value in row))
    return table


def _ratio_table(title: str, frame: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("baseline", "engine", "budget", "metric", "A", "B", "B / A", ""):
        numeric = column in ("A", "B", "B / A")
        table.add_column(column, justify="right" if numeric else "left")
    for row in frame.to_dict("records"):
        table.add_row(
            row["baseline"],
            row["engine"],
            row["budget"],
            f"{row['metric']} [{row['unit']}]".replace("[", r"\["),
            _value(row["a"], row["spread_a"]),
            _value(row["b"], row["spread_b"]),
            "-" if pd.isna(row["ratio"]) else f"{row['ratio']:.3f}",
            "*" if row["apart"] else "",
        )
    return table


def _value(value: float, spread: float) -> str:
    return f"{value:.6g}" + ("" if pd.isna(spread) else f" ± {spread:.2g}")
