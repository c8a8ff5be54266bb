"""What `liafbench run` also takes: benchmarks that are not made of training cells."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from liafbench.baselines.errors import UsageError
from liafbench.bench import kernels
from liafbench.bench.cli.console import console, note
from liafbench.bench.cli.throughput import run_throughput
from liafbench.bench.costs import table as costs
from liafbench.bench.kernels.report import frame, markdown
from liafbench.bench.only import Only
from liafbench.bench.results import load
from liafbench.bench.runfiles import as_usage_error
from liafbench.bench.runs.provenance import commit, usable_cores


@dataclass(frozen=True)
class Bench:
    """A benchmark by its title and the function that runs it.

    The function takes the results folder, the device, the minutes, and what `--only` chose.
    """

    title: str
    run: Callable[[Path, str, float, Only], None]


def _counting(out: Path, _device: str, _minutes: float, only: Only) -> None:
    """Dense counts of everything; sparse columns from the trained networks found in `out`."""
    _whole(only, "counting")
    _writable(out / "counting")
    records = None
    if any(out.glob("*/*/runs")):
        records = load(out).records
    for path in costs.run(out, records, _say_place, commit()):
        console.print(f"table:   {path}")


def _say_place(place: costs.Place) -> None:
    note.print(f"counted {place.task} {place.backbone} {place.budget} {escape(place.baseline)}")


def _whole(only: Only, name: str) -> None:
    if only:
        raise UsageError(f"{name} is run as a whole: --only does not apply to it")


def _writable(folder: Path) -> None:
    """Minutes of measuring are not lost to a folder that takes no files."""
    with as_usage_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def _neurons(out: Path, device: str, _minutes: float, only: Only) -> None:
    _whole(only, "neurons")
    _writable(out / "neurons")
    plan = kernels.Plan(device=device)
    found = kernels.run(out, plan, progress=lambda line: note.print(escape(line)))
    console.print(markdown(frame(found.verdicts())))


def _throughput(out: Path, device: str, minutes: float, only: Only) -> None:
    run_throughput(out, device, minutes, threads=usable_cores(), only=only)


BENCHES = {
    "counting": Bench("What every baseline costs on every task and backbone", _counting),
    "neurons": Bench("The neurons of every engine against the memory limit", _neurons),
    "throughput": Bench("Throughput over batch sizes, precisions and engines", _throughput),
}
