"""What happens to a cell in its process: one cell at a time, one thread, then a stored run."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from datetime import UTC, datetime

import torch

from liafbench.baselines.neurons.kernels import fallbacks
from liafbench.bench.runs.claims import Claims
from liafbench.bench.runs.job import Job
from liafbench.bench.runs.outcome import Outcome
from liafbench.bench.runs.provenance import provenance, usable_cores
from liafbench.bench.runs.records import Run
from liafbench.bench.runs.recount import recount
from liafbench.bench.runs.timing import time_cell
from liafbench.bench.runs.train import train_cell, tune_cell
from liafbench.bench.timing import apply_policy
from liafbench.bench.timing.allocator import trim

__all__ = ["Job", "work"]

OnEpoch = Callable[[str, int, int], None]


def work(job: Job, on_epoch: OnEpoch) -> Run:
    """Run one cell and store it; what it raises is for the caller to record."""
    run_id = job.cell.run_id
    # Whoever planned the cell has claimed it. If that was a process that is gone, its worker may
    # need a moment to notice, and may even finish the cell in it.
    with Claims(job.store.folder).waited_for(f"{run_id} at work"):
        if job.store.stamp(run_id) != job.seen and (made := job.store.read(run_id)) is not None:
            return made
        return _work(job, on_epoch)


def _work(job: Job, on_epoch: OnEpoch) -> Run:
    started = time.perf_counter()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    cell = job.cell
    # One thread for every training cell: accuracy must not depend on how many run side by side.
    threads = usable_cores() if cell.kind == "time" else 1
    torch.set_num_threads(threads)
    # What the cells before this one have freed is not this one's memory.
    trim()
    allocator = apply_policy()
    where = {
        **provenance(job.device, threads),
        "jobs": 1 if cell.kind == "time" else job.jobs,
        "allocator": allocator,
    }
    if job.trained is not None and (again := recount(job, job.trained, where)) is not None:
        job.store.write(again)
        return again
    before = fallbacks()
    outcome = _outcome(job, functools.partial(on_epoch, cell.run_id))
    stood_in = sorted(fallbacks() - before)
    if outcome.state is not None:
        job.store.save_weights(cell.run_id, outcome.state)
    run = Run.of(
        run_id=cell.run_id,
        suite=cell.suite,
        kind=cell.kind,
        status="done",
        config=cell.config(),
        provenance={**where, "kernel_fallbacks": stood_in, **outcome.provenance},
        records=outcome.records,
        curves=outcome.curves,
        health=outcome.health,
        predictions=outcome.predictions,
        layers=outcome.layers,
        started=began,
        seconds=round(time.perf_counter() - started, 3),
    )
    job.store.write(run)
    return run


def _outcome(job: Job, report: Callable[[int, int], None]) -> Outcome:
    cell = job.cell
    if cell.kind == "tune":
        return tune_cell(cell, job.data_dir, job.device, report)
    if cell.kind == "time":
        return time_cell(cell, job.data_dir, job.device)
    return train_cell(cell, job.data_dir, job.device, job.learning_rate, job.tuning_seconds, report)
