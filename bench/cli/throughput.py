"""`liafbench run throughput`: speed over batch sizes, engines and precisions; no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from rich.markup import escape

from liafbench.bench.cli.console import console, note
from liafbench.bench.only import Only
from liafbench.bench.runfiles import NUMERICS_VERSION, Run
from liafbench.bench.runs.provenance import machine, provenance
from liafbench.bench.runs.store import Store
from liafbench.bench.tables import write_tables
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


def run_throughput(out: Path, device: str, budget_minutes: float, threads: int, only: Only) -> None:
    """Measure what is missing until the budget ends; tables of what there is, either way."""
    sweeps = list(chosen(plan(device), only))
    torch.set_num_threads(threads)
    store = Store(out / SUITE / machine(device))
    store.prepare()
    suite = Throughput(
        RunFiles(store),
        device,
        {**provenance(device, threads), "spikingjelly_kernels": spikingjelly_kernels(device)},
        NUMERICS_VERSION,
        progress=lambda text: note.print(escape(text)),
    )
    try:
        summary = suite.run(budget_minutes, sweeps)
    finally:
        store.write_records()
        written = write_tables(store.folder) if any(store.all()) else []
    console.print(
        f"{summary.measured} points measured, {summary.there_already} there already"
        + ("" if summary.complete else "; the budget ended: the same command goes on from here")
    )
    for path in written:
        console.print(f"table:   {path}")
