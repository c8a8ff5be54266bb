"""`liafbench throughput`: speed over batch sizes, engines and precisions; no training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.markup import escape

from liafbench.bench.cli.console import console, note
from liafbench.bench.cli.device import Device, choose_device
from liafbench.bench.only import Only
from liafbench.bench.runfiles import NUMERICS_VERSION, Run
from liafbench.bench.runs.provenance import machine, provenance, usable_cores
from liafbench.bench.runs.store import Store
from liafbench.bench.tables.write import write_tables
from liafbench.bench.timing.peers import spikingjelly_kernels
from liafbench.bench.timing.suite import Throughput
from liafbench.bench.timing.sweeps import SUITE, chosen, plan


class RunFiles:
    """The suite's points as run files."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, run_id: str) -> dict[str, Any] | None:
        run = self.store.read(run_id)
        return run.document() if run else None

    def write(self, document: dict[str, Any]) -> None:
        self.store.write(Run.of(**document))


def throughput(
    out: Annotated[Path, typer.Option(help="results folder")] = Path("liafbench-results"),
    device: Annotated[Device, typer.Option(help="auto: a GPU if there is one")] = Device.auto,
    only: Annotated[
        list[str] | None,
        typer.Option(help="only points with KEY=VALUE or KEY=VALUE,VALUE; repeatable"),
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0, help="start no point after this time [min]")
    ] = 30.0,
) -> None:
    """Measure throughput over batch sizes, precisions and engines; skips what is measured."""
    where, threads = choose_device(device.value), usable_cores()
    sweeps = list(chosen(plan(where), Only.read(only or [])))
    torch.set_num_threads(threads)
    store = Store(out / SUITE / machine(where))
    store.prepare()
    suite = Throughput(
        RunFiles(store),
        where,
        {**provenance(where, threads), "spikingjelly_kernels": spikingjelly_kernels(where)},
        NUMERICS_VERSION,
        progress=lambda text: note.print(escape(text)),
    )
    try:
        summary = suite.run(minutes, sweeps)
    finally:
        store.write_records()
        written = write_tables(store.folder) if any(store.all()) else []
    over = f"; the {minutes:g} minutes are over: the same command goes on from here"
    console.print(
        f"{summary.measured} points measured, {summary.there_already} there already"
        + ("" if summary.complete else over)
    )
    for path in written:
        console.print(f"table:   {path}")
