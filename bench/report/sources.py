"""Where the numbers of a page come from, and how to make them again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from liafbench.bench import suites, tasks
from liafbench.bench.runfiles import Provenance, Run, printable

FACTS = {
    "commit": "commit",
    "processor": "processor",
    "cores": "cores",
    "memory_gib": "memory [GiB]",
    "gpu": "GPU",
    "system": "system",
    "device": "device",
    "kernel": "neuron kernel",
}


def folder_facts(runs: list[Run]) -> list[tuple[str, str]]:
    """Name and value of what the runs of one folder say of their surroundings."""
    facts = [
        (title, _values(_said(source, name) for run in runs for source in run.provenance.sources))
        for name, title in FACTS.items()
    ]
    facts.append(("numerics version", _values(run.config.numerics_version for run in runs)))
    packages: dict[str, set[str]] = {}
    for source in (source for run in runs for source in run.provenance.sources):
        for package, version in source.versions.items():
            packages.setdefault(package, set()).add(str(version))
    versions = [f"{name} {' / '.join(sorted(found))}" for name, found in packages.items()]
    facts.append(("versions", ", ".join(versions)))
    return [(title, text) for title, text in facts if text]


def data_facts(runs: list[Run]) -> list[tuple[str, str]]:
    """Per task what was read: how it is split, the split's checksum, files, notes."""
    found: dict[tuple[str, str], str] = {}
    for run in runs:
        data = run.provenance.data
        checksum, files = data.split_checksum, data.files
        parts = (
            data.split_rule,
            f"split {checksum[:16]}" if checksum else "",
            f"{len(files)} files, checksums in the run files" if files else "",
            data.note or "",
        )
        text = "; ".join(part for part in parts if part)
        if text:
            found.setdefault((run.config.task, checksum), text)
    return [(task, found[task, checksum]) for task, checksum in sorted(found)]


def commands(suite: str, runs: list[Run]) -> list[str]:
    """The commands that make a suite's results again, from a clone of this project."""
    in_time = sorted(runs, key=lambda run: run.started)
    told = [source.commit or "" for run in in_time for source in run.provenance.sources]
    found = [commit for commit in told if commit]
    lines = [f"git checkout {shlex.quote(found[-1].removesuffix('+changes'))}"] if found else []
    if any("+changes" in each for each in found):
        lines.append("# these runs were made with uncommitted changes on top of that commit")
    named = suite if suite in suites.shipped() else f"{suite}.toml"
    used = {run.config.task for run in runs}
    embedded = all(name in tasks.TASKS and tasks.TASKS[name].embedded for name in used)
    lines += ["make install", "source .venv/bin/activate"]
    lines.append(f"liafbench run {shlex.quote(named)}" + ("" if embedded else " --data DIR"))
    return lines


def run_list(runs: list[Run], folder: Path) -> list[dict[str, Any]]:
    """One row a run: what it was and how it ended."""
    return [
        {
            "run": run.run_id,
            "suite": run.suite,
            "machine": printable(folder.resolve().name),
            "kind": run.kind,
            "task": run.config.task,
            "model": run.config.baseline,
            "budget": run.config.budget,
            "seed": "" if run.config.seed is None else run.config.seed,
            "status": run.status,
            "seconds": f"{run.seconds:.1f}",
            "started": run.started,
            "reason": run.reason or "",
        }
        for run in runs
    ]


def _said(source: Provenance, name: str) -> Any:
    return source.plain().get(name)


def _values(values: Any) -> str:
    return ", ".join(sorted({str(value) for value in values if value not in (None, "")}))
