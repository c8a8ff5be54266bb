"""The page as one file: style, scripts, plotly and data inside."""

from __future__ import annotations

import json
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from liafbench.baselines.errors import UsageError
from liafbench.bench.report import rows as table_rows
from liafbench.bench.report.content import Content, gather
from liafbench.bench.results import rows as as_rows
from liafbench.bench.runfiles import Finding, inside, write_atomically

SCRIPTS = ("download.js", "table.js", "figures.js", "draw.js", "theme.js")


def write_report(root: Path, path: Path) -> list[Finding]:
    """Write the page of a results folder; the entries that could not be used.

    Raises UsageError where there are no run files or the page cannot be written.
    """
    content = gather(root)
    try:
        write_atomically(path, html(content, str(root)).encode(), below=inside(path, root))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return content.findings


def html(content: Content, root: str) -> str:
    """The page; everything that is not the page's own is escaped."""
    environment = Environment(
        loader=PackageLoader("liafbench.bench.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    metrics = [metric for metric, _ in content.heads]
    return environment.get_template("report.html.j2").render(
        content=content,
        root=root,
        version=metadata.version("liafbench"),
        rows=_table(content, metrics),
        choices=_choices(content),
        summary=_summary(content),
        style=Markup(_asset("style.css")),
        plotly=Markup(get_plotlyjs()),
        scripts=Markup("\n".join(_asset(name) for name in SCRIPTS)),
        document=Markup(as_script(content.document)),
    )


def as_script(document: Any) -> str:
    """JSON that cannot end the script element it stands in; numbers are finite or null."""
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return (files("liafbench.bench.report") / "page" / name).read_text("utf-8")


def _table(content: Content, metrics: list[str]) -> list[dict[str, Any]]:
    """The rows of the comparison: what they are, remarks, and a cell a metric."""
    frame = content.table.frame
    cells = table_rows.table_cells(content.table, metrics)
    parts = zip(
        as_rows(frame), table_rows.titles(frame), table_rows.models_in_words(frame), cells,
        strict=True,
    )  # fmt: skip
    return [row | {"title": t, "remark": r, "cells": c} for row, t, r, c in parts]


def _choices(content: Content) -> dict[str, list[str]]:
    """The filters that have something to choose."""
    names = ("suite", "machine", "task", "backbone", "budget")
    found = {name: list(dict.fromkeys(content.table.frame[name])) for name in names}
    return {name: values for name, values in found.items() if len(values) > 1}


def _summary(content: Content) -> list[tuple[str, str]]:
    """The figures at the top of the page."""
    frame, runs = content.table.frame, content.runs
    trained = [run for run in runs if run["kind"] == "train"]
    counted = {
        "task": frame["task"].nunique(),
        "model": len(content.document["models"]),
        "training run": len(trained),
        "seed": len({run["seed"] for run in trained}),
        "failed run": sum(run["status"] == "failed" for run in runs),
        "machine": frame["machine"].nunique(),
    }
    return [(name if count == 1 else f"{name}s", f"{count:,}") for name, count in counted.items()]
