"""`liafbench time`: one baseline under several engines, as ratios with their intervals."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import torch
import typer
from rich.markup import escape
from rich.table import Table

from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.console import console, emit_json, note
from liafbench.bench.execution import Execution
from liafbench.bench.runs.provenance import provenance
from liafbench.bench.timing.allocator import DEFAULT, HUGE_PAGES, KEEP_PAGES, apply_policy
from liafbench.bench.timing.peers import Contender
from liafbench.bench.timing.rounds import Until
from liafbench.bench.timing.timings import Timings
from liafbench.bench.timing.versus import INPUT, Comparison, time_inference, time_training


class Allocator(StrEnum):
    """Policies of bench.timing.allocator."""

    keep_pages = KEEP_PAGES
    huge_pages = HUGE_PAGES
    default = DEFAULT


class Precision(StrEnum):
    """bfloat16 is an autocast of the forward pass."""

    float32 = "float32"
    bfloat16 = "bfloat16"


class Device(StrEnum):
    """Where to time."""

    cpu = "cpu"
    cuda = "cuda"


def time(
    baseline: Annotated[str, typer.Argument(help="name, for example liaf-net")],
    task: Annotated[
        str, typer.Option(help="task that gives the input shape; its data are not needed")
    ],
    versus: Annotated[
        list[str] | None,
        typer.Option(
            help="another engine to compare; also ENGINE+compile, snntorch+loop; repeatable"
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="engine that the others are compared with")
    ] = "native",
    backbone: Annotated[str | None, typer.Option(help="default: the task's first")] = None,
    train: Annotated[bool, typer.Option("--train", help="also time training steps")] = False,
    batch: Annotated[int, typer.Option(min=1, help="samples per batch")] = 16,
    threads: Annotated[int, typer.Option(min=1, help="threads of torch")] = 1,
    tolerance: Annotated[
        float, typer.Option(min=0.1, help="stop when every ratio is known to ± this [%]")
    ] = 3.0,
    seconds: Annotated[float, typer.Option(min=1, help="time limit of each series [s]")] = 60.0,
    precision: Annotated[Precision, typer.Option()] = Precision.float32,
    channels_last: Annotated[bool, typer.Option("--channels-last")] = False,
    compiled: Annotated[
        bool, typer.Option("--compile", help="torch.compile every contender")
    ] = False,
    allocator: Annotated[Allocator, typer.Option()] = Allocator.keep_pages,
    device: Annotated[Device, typer.Option()] = Device.cpu,
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Time a baseline under one or several engines, on synthetic input.

    Contenders take turns round by round in one process; a ratio is paired within the rounds.
    """
    if device is Device.cuda and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch sees no CUDA device here; use --device cpu")
    contenders = [Contender.parse(text) for text in dict.fromkeys([engine, *(versus or [])])]
    comparison = Comparison(
        baseline,
        task,
        backbone,
        contenders,
        batch,
        Execution(device.value, precision.value, channels_last, compiled),
        Until(tolerance / 100, seconds),
    )
    torch.set_num_threads(threads)
    apply_policy(allocator.value)
    series = {"inference": time_inference(comparison)}
    if train:
        series["training"] = time_training(comparison)
    if json:
        emit_json(_document(comparison, series, threads))
    else:
        _show(comparison, series)


def _document(comparison: Comparison, series: dict[str, Timings], threads: int) -> dict[str, Any]:
    return {
        **comparison.describe(),
        **{name: timings.to_dict() for name, timings in series.items()},
        "provenance": provenance(comparison.execution.device, threads),
    }


def _show(comparison: Comparison, series: dict[str, Timings]) -> None:
    shape = comparison.shape
    console.print(
        f"{comparison.baseline} on {comparison.task} ({shape.name}, T={shape.time_steps}), "
        f"batch {comparison.batch}, {comparison.execution.label}; "
        f"input {INPUT}"
    )
    for name, timings in series.items():
        console.print(_table(name, timings, comparison.batch))
        conditions = timings.conditions
        note.print(
            f"{timings.verdict()}; {timings.rounds} rounds, {conditions.threads} threads, "
            f"allocator {escape(str(conditions.allocator))}"
        )
        for text in _not_tight(timings, comparison.until.tight):
            note.print(text)


def _table(name: str, timings: Timings, batch: int) -> Table:
    first = next(iter(timings.seconds))
    table = Table(title=name, title_justify="left", box=None, pad_edge=False)
    for column in ("engine", "ms per batch", "±", "samples/s", f"time / {first}", "99 % interval"):
        table.add_column(column, justify="left" if column == "engine" else "right")
    for contender in timings.seconds:
        median, spread = timings.median(contender), timings.spread(contender)
        cells = [contender, f"{1000 * median:.3f}", f"{1000 * spread:.3f}", f"{batch / median:.1f}"]
        if contender != first:
            ratio = timings.ratio(contender, first)
            cells += [f"{ratio.value:.3f}", f"{ratio.low:.3f} .. {ratio.high:.3f}"]
        table.add_row(*cells)
    return table


def _not_tight(timings: Timings, tight: float) -> list[str]:
    first = next(iter(timings.seconds))
    return [
        f"{name}: ratio known within ±{100 * ratio.half_width:.1f} % only; "
        "more --seconds or a quieter machine narrows it"
        for name, ratio in timings.ratios(first).items()
        if ratio.half_width > tight
    ]
