"""What rests on what: the references of a baseline, a task, and a whole results folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from liafbench import baselines
from liafbench.bench import tasks
from liafbench.bench.citations.entries import Entry, libraries, plain, split, unique
from liafbench.bench.results import find_folders
from liafbench.bench.runs.provenance import commit
from liafbench.bench.runs.records import Run
from liafbench.bench.runs.store import Store

PACKAGES = {
    "torch": "paszke2019pytorch",
    "fvcore": "fvcore",
    "spikingjelly": "fang2023spikingjelly",
    "snntorch": "eshraghian2023training",
    "scikit-learn": "pedregosa2011scikit",
}
MADE_BY_SCIKIT_LEARN = ("digits-dvs",)


def of_baseline(name: str) -> list[Entry]:
    """The reference of a baseline; none for a control that is nobody's method."""
    return list(split(baselines.get(name).bibtex))


def of_task(name: str) -> list[Entry]:
    """The reference of a task's data set."""
    return list(split(tasks.get(name).bibtex))


def of_suite(commits: Iterable[str] = ()) -> Entry:
    """This suite at its version and at the commits that made the results."""
    listed = ", ".join(commits) or commit() or ""
    note = f"version {metadata.version('liafbench')}" + (f", commit {listed}" if listed else "")
    text = (
        "@misc{liafbench,\n"
        "  title  = {{liafbench}: a benchmark and comparison suite for spatiotemporal networks},\n"
        "  author = {{The liafbench developers}},\n"
        f"  note   = {{{plain(note)}}}\n}}"
    )
    return Entry("liafbench", text)


def of_results(root: Path) -> list[Entry]:
    """Everything the runs of a results folder rest on, the suite first, one entry a key."""
    runs = [run for folder in find_folders(root) for run in Store(folder).all()]
    commits = sorted({run.provenance.commit or "" for run in runs} - {""})
    names = sorted({name for run in runs for name in run.config.baselines})
    used = sorted({run.config.task for run in runs})
    return unique(
        [
            of_suite(commits),
            *(entry for name in names for entry in of_baseline(name)),
            *(entry for name in used for entry in of_task(name)),
            *_used_packages(runs, used),
            *_energy(runs),
        ]
    )


def _used_packages(runs: list[Run], used: list[str]) -> Iterator[Entry]:
    """The libraries that made the numbers, each at the versions the runs recorded."""
    engines = {run.config.engine for run in runs}
    wanted = ["torch", *(name for name in ("spikingjelly", "snntorch") if name in engines)]
    if any(record.metric == "mac_dense" for run in runs for record in run.records):
        wanted.append("fvcore")
    if any(name in MADE_BY_SCIKIT_LEARN for name in used):
        wanted.append("scikit-learn")
    for package in wanted:
        found = {run.provenance.versions.get(package, "") for run in runs} - {""}
        note = f"version {plain(', '.join(sorted(found)))}" if found else ""
        yield libraries()[PACKAGES[package]].noted(note)


def _energy(runs: list[Run]) -> Iterator[Entry]:
    metrics = (record.metric for run in runs for record in run.records)
    if any(metric.startswith("energy_") for metric in metrics):
        yield libraries()["horowitz2014energy"]
