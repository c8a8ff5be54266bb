"""`liafbench run`: a suite from its cells to its tables."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from liafbench.bench import suites
from liafbench.bench.cli import dry_run
from liafbench.bench.cli.console import console, note, show_findings
from liafbench.bench.cli.device import Device, choose_device
from liafbench.bench.cli.progress import TerminalProgress
from liafbench.bench.only import Only
from liafbench.bench.runs import cluster, pool
from liafbench.bench.runs.plan import Options, Plan, check_data, check_memory, plan
from liafbench.bench.runs.queue import Execute
from liafbench.bench.runs.runner import Runner
from liafbench.bench.tables.comparison import comparison
from liafbench.bench.tables.terminal import terminal
from liafbench.bench.tables.write import Written, read_records, write_all

CELL_FAILED = 1


class Executor(StrEnum):
    """What runs the cells."""

    local = "local"
    ray = "ray"


def run(
    suite: Annotated[str, typer.Argument(help="name of a shipped suite, or a TOML file")],
    data: Annotated[
        Path | None, typer.Option(help="folder of the data sets", envvar="LIAFBENCH_DATA")
    ] = None,
    out: Annotated[Path, typer.Option(help="results folder")] = Path("liafbench-results"),
    only: Annotated[
        list[str] | None,
        typer.Option(help="only cells with KEY=VALUE or KEY=VALUE,VALUE; repeatable"),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="use seeds 0..N-1 instead of the suite's")
    ] = None,
    device: Annotated[Device, typer.Option(help="auto: a GPU if there is one")] = Device.auto,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "--workers",
            min=1,
            help="parallel training cells; default: 1, on a cluster as many as fit",
        ),
    ] = None,
    executor: Annotated[
        Executor, typer.Option(help="processes on this machine, or a Ray cluster")
    ] = Executor.local,
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster: auto or HOST:PORT; default: start a local Ray",
            envvar="RAY_ADDRESS",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="run finished cells again")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="run failed cells again")
    ] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="list the cells, run nothing")] = False,
    measured: Annotated[
        list[Path] | None,
        typer.Option(
            help="results folder to estimate a dry run from, of any machine; can be repeated "
            "[default: the runs of this machine in --out]"
        ),
    ] = None,
) -> None:
    """Train, count and time the cells of a suite; skips finished cells."""
    chosen_cells = Only.read(only or [])
    options = Options(
        out=out,
        data_dir=str(data) if data else None,
        device=device.value,
        jobs=jobs or 1,
        only=chosen_cells,
        seeds=seeds,
        force=force,
        retry_failed=retry_failed,
    )
    chosen = suites.load(suite)
    if dry or executor is Executor.local:
        options = replace(options, device=choose_device(device.value))
        planned = plan(chosen, options)
        if dry:
            dry_run.show(planned, options, measured or [])
            return
        check_memory(planned)
        _run(planned, options, pool.execute)
        return
    with cluster.connect(address, cpus=jobs) as ray:
        where = ray.device(device.value)
        at_once = jobs or cluster.UNLIMITED
        options = replace(options, device=where, machine=ray.machine(where), jobs=at_once)
        _run(plan(chosen, options), options, ray.execute)


def _run(planned: Plan, options: Options, execute: Execute) -> None:
    pool.check_main_guard()
    check_data(planned, options.data_dir)
    planned.store.prepare()
    with TerminalProgress() as progress:
        runner = Runner(planned, options, progress, execute)
        try:
            runner.run()
        finally:
            # Also after Ctrl-C or a full disk: what is finished is in records.csv and the tables.
            planned.store.write_records()
            written = write_all(planned.store.folder)
    _show(planned, runner, written)
    mixed = runner.mixed_data()
    for place in mixed:
        note.print(
            f"[red]mixed data[/] {escape(place)}: its runs were made from different files; "
            "run it again with --force"
        )
    if runner.failures or runner.incomplete or mixed:
        raise typer.Exit(CELL_FAILED)


def _show(planned: Plan, runner: Runner, written: Written) -> None:
    """The comparison on the tasks of this run, what failed, and where everything lies."""
    table = comparison(read_records(planned.store.folder))
    frame = table.frame
    places = {(cell.task, cell.backbone) for cell in planned.training}
    rows = zip(frame["task"], frame["backbone"], strict=True)
    shown = table.with_frame(frame[[row in places for row in rows]])
    console.print(terminal(shown, console.width))
    total = len(planned.all_cells())
    console.print(
        f"{total} cells: {runner.ran} run now, {total - runner.ran} there already, "
        f"{len(runner.failures)} failed, {len(planned.skipped)} n/a"
    )
    for run in runner.failures:
        what = f"{run.kind} {run.config.task} {run.config.baseline}"
        note.print(f"[red]failed[/] {escape(what)} ({run.run_id}): {escape(run.reason or '')}")
    for run in runner.incomplete:
        what = f"{run.kind} {run.config.task} {run.config.baseline}"
        for name, reason in run.unmeasured.items():
            note.print(f"[red]no {name}[/] {escape(what)} ({run.run_id}): {escape(reason)}")
    if runner.failures:
        note.print("run again with --retry-failed to try the failed cells again")
    console.print(f"records: {planned.store.folder / 'records.csv'}")
    for path in written.paths:
        console.print(f"table:   {path}")
    show_findings(written.findings)
