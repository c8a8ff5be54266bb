"""What stands beside names and numbers: titles, roles, sources.

A name that the registries do not know is shown as it is; nothing is imported for it.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from liafbench.baselines import BASELINES, backbones
from liafbench.bench.results.load import Results
from liafbench.bench.tasks import TASKS

FAMILY = "babi"
FAMILY_TASKS = tuple(f"babi-qa{number}" for number in range(1, 21))
"""The blocks of bAbI: twenty tasks that are judged by their mean."""

GAINS_NOTHING_FROM_REPEATS = ("lstm", "gru", "conv-lstm", "conv3d")


def title(baseline: str) -> str:
    """The baseline's name in prose."""
    return BASELINES[baseline].title if baseline in BASELINES else baseline


def role(baseline: str) -> str:
    """baseline, control or variant; a user's own model is a baseline."""
    return BASELINES[baseline].role if baseline in BASELINES else "baseline"


def citation(name: str) -> str:
    """Key of the reference of a baseline or task; empty where there is none."""
    if name in BASELINES:
        return BASELINES[name].citation
    return TASKS[name].citation if name in TASKS else ""


def order(baseline: str) -> tuple[int, int, str]:
    """Sort key: baselines in the registry's order, users' own after them, then the controls."""
    known = list(BASELINES)
    place = known.index(baseline) if baseline in BASELINES else len(known)
    return role(baseline) == "control", place, baseline


def task_order(task: str) -> tuple[str, int, str]:
    """Sort key: bAbI tasks by their number, everything else by name."""
    stem = task.rstrip("0123456789")
    digits = task[len(stem) :]
    return stem, int(digits) if digits and stem == "babi-qa" else -1, task


def is_static(task: str) -> bool:
    """Whether the task is a still image repeated over time."""
    return task in TASKS and TASKS[task].static


def marked(baseline: str, task: str) -> bool:
    """Whether the row is a recurrence over copies of one image, which it cannot gain from."""
    return is_static(task) and baseline in GAINS_NOTHING_FROM_REPEATS


def why_not(baseline: str, task: str, backbone: str) -> str | None:
    """Why a baseline or control cannot serve a task; None when it can, or when nobody knows."""
    if baseline not in BASELINES or task not in TASKS or BASELINES[baseline].role == "variant":
        return None
    if backbone not in backbones.names(task):
        return None
    return BASELINES[baseline].serves(task, backbone)


SHORT = 12  # hex digits of a commit


def describe(results: Results) -> dict[str, str]:
    """Machine, commit, kernel, seeds of settled results, each as text."""
    runs = results.runs[~results.runs["status"].isin(["superseded", "other recipe", "missing"])]
    used = runs[runs["status"] != "failed"] if (runs["status"] != "failed").any() else runs
    trained = used[used["kind"] == "train"]
    return {
        "suite": _list(used["suite"].unique()),
        "machine": _list(used["machine"].unique()),
        "commit": _list(commits(used["commit"].unique())),
        "kernel": _list(used["kernel"].unique()),
        "numerics": _list(str(each) for each in used["numerics"].unique() if not pd.isna(each)),
        "seeds": _list(str(seed) for seed in sorted(set(trained["seed"].dropna()))),
        "set aside": str(len(results.findings)) if results.findings else "",
    }


def caption(source: dict[str, str]) -> str:
    """The provenance of a table as one line."""
    parts = (
        ("Suite", "suite"),
        ("machine", "machine"),
        ("commit", "commit"),
        ("kernel", "kernel"),
        ("numerics version", "numerics"),
        ("seeds", "seeds"),
        ("run files that could not be read", "set aside"),
    )
    said = [f"{name} {source[key]}" for name, key in parts if source.get(key)]
    return "; ".join(said) + "." if said else ""


def commits(said: Iterable[str]) -> list[str]:
    """The commits that runs name, one or more each, as they are printed; each once."""
    found = {each for text in said for each in text.split(", ") if each}
    return sorted(map(short, found))


def short(commit: str) -> str:
    """A commit as it is printed."""
    head, plus, rest = commit.partition("+")
    return head[:SHORT] + plus + rest


def _list(values: Iterable[str]) -> str:
    """The distinct values in order of appearance after sorting, joined by commas."""
    distinct = list(dict.fromkeys(value for value in values if value))
    if all(value.isdigit() for value in distinct):
        return ", ".join(sorted(distinct, key=int))
    return ", ".join(sorted(distinct))
