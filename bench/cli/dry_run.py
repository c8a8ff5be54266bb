"""`liafbench run --dry-run`: the cells of a plan with what they will take, and nothing run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
from rich.markup import escape
from rich.table import Table

from liafbench.bench.cli.console import console
from liafbench.bench.runfiles import DamagedRun, read_run
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.estimate import MIB, Estimates, Quantity, makespan
from liafbench.bench.runs.plan import Options, Plan

MINUTE, HOUR, DAY = 60, 3600, 86400
LEGEND = (
    "time: of the machine measured. 'runs': seconds an epoch of finished runs of the same "
    "training; 'MACs': seconds an epoch of the same baseline, times the ratio of training "
    "samples and of dense MACs, rough (stories: of samples alone); 'unknown': no such run.",
    "memory: of a training step above the process itself. 'timing runs': measured; 'shape': "
    "parameters with gradient and optimizer state, and what the backward pass keeps, so at least.",
)
PHASES = ("tune", "train", "time")


def show(planned: Plan, options: Options, measured: list[Path]) -> None:
    """Print the cells with state, time and memory, and the sum of what is to run.

    `measured`: results folders to estimate from; without any the runs of this machine beside it.
    """
    estimates = Estimates.of_results(measured) if measured else Estimates.of_machine(planned.store)
    table = Table("run id", "cell", "state", box=None, pad_edge=False)
    for name in ("time", "memory"):
        table.add_column(name, justify="right")
    table.add_column("from")
    left: dict[str, list[Quantity]] = {phase: [] for phase in PHASES}
    for cell in planned.all_cells():
        estimate, state = estimates.of(cell), _state(planned, cell)
        if (
            options.force
            or state in ("missing", "damaged")
            or (state == "failed" and options.retry_failed)
        ):
            left[cell.kind].append(estimate.seconds)
        sources = dict.fromkeys((estimate.seconds.source, estimate.memory.source))
        table.add_row(
            cell.run_id, escape(cell.label), state, _text(estimate.seconds, duration),
            _text(estimate.memory, _mebibytes), escape("; ".join(sources)),
        )  # fmt: skip
    for skip in planned.skipped:
        label = f"{skip.task} {skip.baseline} {skip.budget}"
        table.add_row("", escape(label), f"n/a: {escape(skip.reason)}")
    console.print(table)
    console.print(_summary(left, options.jobs), soft_wrap=True)
    for line in LEGEND:
        console.print(line, markup=False)


def _state(planned: Plan, cell: Cell) -> str:
    try:
        return read_run(planned.store.path(cell.run_id)).status
    except FileNotFoundError:
        return "missing"
    except DamagedRun:
        return "damaged"


def _summary(left: dict[str, list[Quantity]], jobs: int) -> str:
    """What is to run: tuning, then training, side by side; then timing one after the other."""
    cells = [quantity for phase in PHASES for quantity in left[phase]]
    if not cells:
        return "nothing is left to run"
    known = sum(quantity.value is not None for quantity in cells)
    parts = [f"{len(cells):,} cells to run"]
    if known:
        middle, low, high = (_wall(left, jobs, name) for name in ("value", "low", "high"))
        span = f" ({duration(low)} to {duration(high)})" if duration(low) != duration(high) else ""
        parts.append(f"{known:,} of them about {duration(middle)}{span} with --jobs {jobs}")
    if known < len(cells):
        parts.append(f"the time of {len(cells) - known:,} is unknown")
    bare = psutil.Process().memory_info().rss / MIB
    return f"{'; '.join(parts)}. Each process holds about {bare:.0f} MiB besides, and the data."


def _wall(left: dict[str, list[Quantity]], jobs: int, name: str) -> float:
    """Seconds from the start to the end, of the median, lowest or highest estimates."""
    workers = {"tune": jobs, "train": jobs, "time": 1}
    return sum(
        makespan([getattr(each, name) or 0.0 for each in left[phase]], workers[phase])
        for phase in PHASES
    )


def _text(quantity: Quantity, shown: Callable[[float], str]) -> str:
    if quantity.value is None:
        return "unknown"
    return ("at least " if quantity.at_least else "") + shown(quantity.value)


def duration(seconds: float) -> str:
    """Seconds in the unit they read best in, to two digits: an estimate is no more exact."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{_two_digits(seconds / unit)} {name}"
    return f"{_two_digits(seconds)} s"


def _mebibytes(value: float) -> str:
    return f"{_two_digits(value)} MiB" if value < 2048 else f"{_two_digits(value / 1024)} GiB"


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):g}"
