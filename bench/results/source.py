"""One sentence that says where a table's numbers come from."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from liafbench.bench.results.read import Results

SHORT = 12  # hex digits of a commit


def describe(results: Results) -> dict[str, str]:
    """Machine, commit, kernel, seeds of settled results, each as text."""
    runs = results.runs[~results.runs["fate"].isin(["superseded", "other recipe", "missing"])]
    used = runs[runs["fate"] != "failed"] if (runs["fate"] != "failed").any() else runs
    trained = used[used["kind"] == "train"]
    return {
        "suite": _list(used["suite"].unique()),
        "machine": _list(used["machine"].unique()),
        "commit": _list(commits(used["commit"].unique())),
        "kernel": _list(used["kernel"].unique()),
        "numerics": _list(str(each) for each in used["numerics"].unique() if not pd.isna(each)),
        "seeds": _list(str(seed) for seed in sorted(set(trained["seed"].dropna()))),
        "set aside": str(len(results.problems)) if results.problems else "",
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
