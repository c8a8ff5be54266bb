"""`liafbench check`: does a model or a task of your own keep the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from liafbench.bench.cli.console import console, emit_json
from liafbench.bench.conformance import check as check_all

SOMETHING_WRONG = 1
STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}


def check(
    name: Annotated[
        str, typer.Argument(help="a name, package.module:function (a model) or package.module:TASK")
    ],
    task: Annotated[str, typer.Option(help="task to check a model on")] = "digits-dvs",
    backbone: Annotated[str | None, typer.Option(help="default: the task's first")] = None,
    data: Annotated[
        Path | None, typer.Option(help="folder of the data sets", envvar="LIAFBENCH_DATA")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Check a model or a task of your own; exit code 1 if something is wrong."""
    findings = check_all(name, task, backbone, str(data) if data else None)
    wrong = [each for each in findings if each.verdict == "wrong"]
    if json:
        emit_json([each._asdict() for each in findings])
    else:
        width = max(len(each.check) for each in findings)
        for each in findings:
            verdict = f"[{STYLES[each.verdict]}]{each.verdict:5}[/]"
            console.print(f"{verdict}  {escape(each.check):{width}}  {escape(each.text)}")
        console.print(f"{len(wrong)} wrong" if wrong else "nothing wrong")
    if wrong:
        raise typer.Exit(SOMETHING_WRONG)
