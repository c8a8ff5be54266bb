"""What rests on what: the references of a baseline, a task, and a whole results folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata

from liafbench import baselines
from liafbench.baselines import BASELINES
from liafbench.bench import tasks
from liafbench.bench.citations.entries import Entry, libraries, plain, split, unique
from liafbench.bench.results import Results
from liafbench.bench.runfiles import Run
from liafbench.bench.runs.provenance import commit
from liafbench.bench.tasks import TASKS

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


def of_results(results: Results) -> list[Entry]:
    """Everything the runs of results rest on, the suite first, one entry a key.

    Of a baseline or task of another package the runs hold a name alone, and nothing that results
    name is imported: `unknown_names` lists them.
    """
    runs = [run for listed in results.stored.values() for run in listed]
    commits = sorted({run.provenance.commit or "" for run in runs} - {""})
    names = sorted({name for run in runs for name in run.config.baselines})
    used = sorted({run.config.task for run in runs})
    return unique(
        [
            of_suite(commits),
            *(
                entry
                for name in names
                if name in baselines.BASELINES
                for entry in of_baseline(name)
            ),
            *(entry for name in used if name in tasks.TASKS for entry in of_task(name)),
            *_used_packages(runs, used),
            *_energy(runs),
        ]
    )


def unknown_names(results: Results) -> list[str]:
    """Baselines and tasks that runs name and this version does not have."""
    runs = [run for listed in results.stored.values() for run in listed]
    names = {name for run in runs for name in run.config.baselines} - set(BASELINES)
    return sorted(names | {run.config.task for run in runs} - set(TASKS))


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
