"""Everything the page says, gathered from a results folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liafbench.bench.claims import claims_table, judge
from liafbench.bench.claims.pairs import BUDGETS
from liafbench.bench.report import rows as table_rows
from liafbench.bench.report import series, sources
from liafbench.bench.report.figures import Figure, figures, fronts
from liafbench.bench.report.models import models
from liafbench.bench.results import Results, load, rows
from liafbench.bench.runfiles import Finding, Run, printable
from liafbench.bench.tables.accuracy import accuracy, groups
from liafbench.bench.tables.columns import column
from liafbench.bench.tables.comparison import everything, unfinished
from liafbench.bench.tables.sheet import sheets
from liafbench.bench.tables.table import MetricsTable, Sheet


@dataclass(frozen=True)
class Source:
    """One folder of run files."""

    suite: str
    machine: str
    facts: list[tuple[str, str]]
    data: list[tuple[str, str]]
    commands: list[str]


@dataclass(frozen=True)
class Content:
    """What the template prints and what its script draws."""

    title: str
    table: MetricsTable
    heads: list[tuple[str, str]]
    conditions: list[tuple[str, str]]
    claims: list[dict[str, Any]]
    sheets: list[Sheet]
    figures: list[Figure]
    sources: list[Source]
    runs: list[dict[str, Any]]
    document: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)


def gather(root: Path) -> Content:
    """Read a results folder: of a machine, of a suite, or of all suites."""
    results = load(root)
    stored = results.stored
    table = everything(results)
    frame = table.frame
    curves, layers = _series(stored, results)
    plain = table_rows.plain_rows(table)
    shown = figures(_measured(plain), list(dict.fromkeys(each["name"] for each in curves)))
    costs = [metric for each in shown if each.kind == "points" for metric in each.choices]
    labels = table_rows.block_labels(frame)
    document = {
        "blocks": labels,
        "models": models(rows(frame)),
        "rows": plain,
        "fronts": fronts(plain, costs),
        "figures": [each.data() for each in shown],
        "layers": layers,
        "curves": curves,
    }
    return Content(
        title=", ".join(sorted(set(frame["suite"]))) or root.name,
        table=table,
        heads=_heads(table),
        conditions=[(labels[block], said) for block, said in table_rows.conditions(table).items()],
        claims=_claims(results),
        sheets=_sheets(results),
        figures=shown,
        sources=[_source(folder, runs) for folder, runs in stored.items()],
        runs=[row for folder, runs in stored.items() for row in sources.run_list(runs, folder)],
        document=document,
        findings=results.findings,
    )


def _series(
    stored: dict[Path, list[Run]], results: Results
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Curves and layers, folder by folder: two of them may hold runs of one id."""
    curves: list[dict[str, Any]] = []
    layers: list[dict[str, Any]] = []
    for folder, runs in stored.items():
        suites = {run.suite for run in runs}
        of_folder = results.runs["machine"] == printable(folder.resolve().name)
        here = results.runs[of_folder & results.runs["suite"].isin(suites)]
        counting = series.counting_runs(here)
        curves += series.curves(runs, counting)
        layers += series.layers(runs, counting)
    return curves, layers


def _measured(plain: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(metric for row in plain for metric in row["values"]))


def _heads(table: MetricsTable) -> list[tuple[str, str]]:
    """Metric and head, with its unit, of the table's columns."""
    found = []
    for metric in table_rows.table_metrics(table):
        unit = table.units.get(metric, "")
        title = column(metric, unit).title
        found.append((metric, title if unit in ("", "1") else f"{title} [{unit}]"))
    return found


def _claims(results: Results) -> list[dict[str, Any]]:
    """The claims with their verdicts, those that something was run for first."""
    frame = claims_table(judge(results), results).frame
    found = []
    for row in rows(frame):
        sides = [
            {
                "budget": budget,
                "verdict": row[f"verdict {budget}"],
                "why": row[f"why {budget}"],
                "ours": row[f"ours {budget}"],
            }
            for budget in BUDGETS
        ]
        run = any(side["verdict"] != "not run" for side in sides)
        found.append({**{str(name): row[name] for name in row}, "sides": sides, "run": run})
    return found


def _sheets(results: Results) -> list[Sheet]:
    """The tables behind the main one."""
    tables = [accuracy(results), groups(results), unfinished(results)]
    return [each for table in tables if table is not None and len(table) for each in sheets(table)]


def _source(folder: Path, runs: list[Run]) -> Source:
    suite = runs[0].suite if runs else folder.parent.name
    return Source(
        suite=suite,
        machine=printable(folder.resolve().name),
        facts=sources.folder_facts(runs),
        data=sources.data_facts(runs),
        commands=sources.commands(suite, runs),
    )
