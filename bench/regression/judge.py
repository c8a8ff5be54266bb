"""What asv measured of two commits, judged: slower, larger, failed, or counted differently."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from asv import results as asv_results

WORSE = {"+": "slower or larger", "!": "fails now"}
TRACKED = "track_"


@dataclass(frozen=True)
class Finding:
    """A benchmark with its parameters, and what is wrong with it."""

    benchmark: str
    what: str


@dataclass(frozen=True)
class Measured:
    """One commit's values by "benchmark(parameters)"; None: it failed."""

    values: dict[str, float | None]
    versions: dict[str, str]


def worse_in(table: str) -> list[Finding]:
    """The rows that `asv compare` marks as worse, with the two values and their ratio."""
    found = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5 and cells[0] in WORSE:
            mark, before, after, ratio, name = cells
            found.append(Finding(name, f"{WORSE[mark]}: {before} -> {after}, ratio {ratio}"))
    return found


def changed_counts(before: Measured, after: Measured) -> list[Finding]:
    """Tracked counts that are not equal to the last digit, under the same benchmark version."""
    found = []
    for name, value in after.values.items():
        old = before.values.get(name)
        if not _is_tracked(name) or value is None or old is None:
            continue
        if before.versions.get(name) == after.versions.get(name) and value != old:
            found.append(Finding(name, f"count changed: {old!r} -> {value!r}"))
    return found


def failures(after: Measured) -> list[Finding]:
    """Benchmarks without a result on the commit under test."""
    return [Finding(name, "fails") for name, value in after.values.items() if value is None]


def load(results_dir: Path, machine: str, commit: str, tool: str) -> Measured:
    """One commit's values from the environments of one kind ("virtualenv" or "existing")."""
    values: dict[str, float | None] = {}
    versions: dict[str, str] = {}
    stored = asv_results.iter_results_for_machine_and_hash(str(results_dir), machine, commit)
    for result in stored:
        if not result.env_name.startswith(tool):
            continue
        for key in result.get_all_result_keys():
            parameters = result.get_result_params(key)
            for name, value in _unrolled(key, parameters, result.get_result_value(key, parameters)):
                values[name] = value
                versions[name] = result.benchmark_version.get(key)
    return Measured(values, versions)


def _unrolled(
    key: str, parameters: Iterable[Iterable[str]], values: list[float | None] | None
) -> Iterator[tuple[str, float | None]]:
    combinations = list(itertools.product(*parameters))
    for combination, value in zip(combinations, values or [None] * len(combinations), strict=True):
        yield key + (f"({', '.join(combination)})" if combination else ""), value


def _is_tracked(name: str) -> bool:
    return name.split("(")[0].rpartition(".")[2].startswith(TRACKED)
