"""`python -m studies.regression`: this commit against its parent, exit code 1 if slower."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.console import console, note
from liafbench.bench.runs.provenance import machine
from studies.regression.judge import (
    Finding,
    exactly,
    found_again,
    judge,
    load,
    marked_worse,
)
from studies.regression.measure import RESULTS, Asv, git

REGRESSION = 1
USAGE = 2


class Environment(StrEnum):
    """asv: its own, made from constraints.txt; current: this Python and its packages."""

    asv = "asv"
    current = "current"


def regression(
    base: Annotated[str, typer.Option(help="commit to compare with")] = "HEAD^",
    head: Annotated[str, typer.Option(help="commit under test")] = "HEAD",
    environment: Annotated[Environment, typer.Option()] = Environment.asv,
    only: Annotated[
        str | None, typer.Option(help="regular expression: only these benchmarks")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="each benchmark once; times are then not judged")
    ] = False,
    site: Annotated[
        bool, typer.Option("--site", help="publish the history of what was measured instead")
    ] = False,
) -> None:
    """Time, weigh and count two commits; name every benchmark that became worse."""
    root = Path(git(Path(__file__).parent, "rev-parse", "--show-toplevel"))
    asv = Asv(root, machine("cpu"), only, quick)
    if site:
        console.print(f"site: {asv.publish() / 'index.html'}")
        return
    old, new = (git(root, "rev-parse", "--verify", f"{name}^{{commit}}") for name in (base, head))
    if git(root, "status", "--porcelain", "--untracked-files=no"):
        note.print("uncommitted changes are not measured, except those of the benchmarks")
    asv.prepare()
    found = measure_and_judge(asv, old, new, environment)
    named = [finding for finding in found if not finding.of_time]
    print_all(named)
    if slower := [finding for finding in found if finding.of_time]:
        note.print("measured once more: " + escape(", ".join(f.benchmark for f in slower)))
        again = measure_and_judge(replace(asv, only=exactly(slower)), old, new, environment)
        twice = found_again(slower, again)
        print_all(twice)
        named += twice
    if quick:
        note.print("one sample of each benchmark: times were not judged")
    if named:
        raise typer.Exit(REGRESSION)
    console.print(f"no regression: {new[:12]} against {old[:12]}")


def print_all(findings: list[Finding]) -> None:
    """One line each."""
    for finding in findings:
        console.print(f"[red]REGRESSION[/] {escape(finding.benchmark)}: {escape(finding.what)}")


def measure_and_judge(asv: Asv, old: str, new: str, environment: Environment) -> list[Finding]:
    """Measures both commits; everything that is wrong with `new`."""
    if environment is Environment.asv:
        asv.continuous(old, new)
    else:
        asv.in_current_environment(old, new)
    return findings_of(asv, old, new, environment)


def findings_of(asv: Asv, old: str, new: str, environment: Environment) -> list[Finding]:
    """Everything that is wrong with `new`; UsageError when either commit gave no results."""
    tool = "virtualenv" if environment is Environment.asv else "existing"
    before, after = (load(asv.root / RESULTS, asv.machine, each, tool) for each in (old, new))
    for commit, measured in ((new, after), (old, before)):
        if all(value is None for value in measured.values.values()):
            raise UsageError(f"no benchmark gave a result for {commit[:12]}; see above")
    return judge(before, after, marked_worse(asv.compare(old, new, tool)), times=not asv.quick)


def main() -> None:
    """Run the command; a mistake is one line and exit code 2."""
    try:
        typer.run(regression)
    except UsageError as error:
        note.print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(USAGE)


if __name__ == "__main__":
    main()
