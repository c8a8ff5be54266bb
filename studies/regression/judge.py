"""What asv measured of two commits, judged: slower, larger, failed, or counted differently."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asv import results as asv_results

FACTOR = 1.5
CONFIRMED = 1.25
"""What asv marks counts when the best samples differ by this much too: load comes and goes within
a run and moves medians; the best of many samples it hardly moves."""
WORSE = "+"
FAILS = "fails"


@dataclass(frozen=True)
class Finding:
    """A benchmark with its parameters, and what is wrong with it."""

    benchmark: str
    what: str

    @property
    def of_time(self) -> bool:
        """Whether it is a time that became longer: what load can do as well as a commit."""
        return _kind(self.benchmark) == "time" and self.what != FAILS


@dataclass
class Measured:
    """One commit's results by "benchmark(parameters)"; value None: it failed."""

    values: dict[str, float | None] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    """The smallest sample, or the value where there are none."""
    versions: dict[str, str] = field(default_factory=dict)


def judge(
    before: Measured, after: Measured, marked: set[str], *, times: bool = True
) -> list[Finding]:
    """Everything that is worse in `after`; `marked`: what asv's own statistics call worse.

    A benchmark that is new, has another version or failed before is compared with nothing.
    times: whether there are samples enough to judge times by.
    """
    found = [Finding(name, FAILS) for name, value in after.values.items() if value is None]
    for name, value in after.values.items():
        old = before.values.get(name)
        if value is None or old is None:
            continue
        if before.versions.get(name) != after.versions.get(name):
            continue
        if _kind(name) == "track":
            if value != old:
                found.append(Finding(name, f"count changed: {old!r} -> {value!r}"))
            continue
        if _kind(name) == "time" and not times:
            continue
        ratio = after.best[name] / before.best[name]
        if ratio > FACTOR or (name in marked and ratio > CONFIRMED):
            what = "larger" if _kind(name) == "peakmem" else "slower"
            found.append(Finding(name, f"{what}: {ratio:.2f} times the parent's best"))
    return found


def found_again(first: list[Finding], again: list[Finding]) -> list[Finding]:
    """What a second measurement says of the benchmarks that the first one named."""
    names = {finding.benchmark for finding in first}
    return [finding for finding in again if finding.benchmark in names]


def exactly(findings: list[Finding]) -> str:
    """The regular expression of their benchmarks, with their parameters, and no others."""
    return f"^({'|'.join(re.escape(finding.benchmark) for finding in findings)})$"


def marked_worse(table: str) -> set[str]:
    """The names in the rows that `asv compare` marks as worse."""
    rows = ([cell.strip() for cell in line.strip(" |").split("|")] for line in table.splitlines())
    return {row[-1] for row in rows if len(row) == 5 and row[0] == WORSE}


def load(results_dir: Path, machine: str, commit: str, tool: str) -> Measured:
    """One commit's results from the environments of one kind ("virtualenv" or "existing")."""
    measured = Measured()
    stored = asv_results.iter_results_for_machine_and_hash(str(results_dir), machine, commit)
    for result in stored:
        if not result.env_name.startswith(tool):
            continue
        for key in result.get_all_result_keys():
            for name, value, samples in _unrolled(result, key):
                measured.values[name] = value
                measured.versions[name] = result.benchmark_version.get(key)
                if value is not None:
                    measured.best[name] = min(samples) if samples else value
    return measured


def _unrolled(
    result: asv_results.Results, key: str
) -> Iterator[tuple[str, float | None, list[float] | None]]:
    """Name, value and samples of every combination of a benchmark's parameters."""
    parameters = result.get_result_params(key)
    combinations = list(itertools.product(*parameters))
    nothing = [None] * len(combinations)
    values = result.get_result_value(key, parameters) or nothing
    samples = result.get_result_samples(key, parameters) or nothing
    for combination, value, drawn in zip(combinations, values, samples, strict=True):
        yield key + (f"({', '.join(combination)})" if combination else ""), value, drawn


def _kind(name: str) -> str:
    """time, peakmem or track: how the benchmark's function is called."""
    return name.split("(")[0].rpartition(".")[2].partition("_")[0]
