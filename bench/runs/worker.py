"""What happens inside a worker process: one cell at a time, one thread, then a run file's text."""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from multiprocessing.connection import Connection
from typing import IO

import torch

from bench.runs.cells import Cell
from bench.runs.needs import GpuSlots
from bench.runs.outcome import Outcome
from bench.runs.provenance import provenance, usable_cores
from bench.runs.records import SCHEMA, Run
from bench.runs.store import Store
from bench.runs.timing import time_cell
from bench.runs.train import train_cell, tune_cell

PARENT_CHECK_SECONDS = 0.5


@dataclass(frozen=True)
class Job:
    """A cell with what it needs from this machine; picklable."""

    cell: Cell
    store: Store
    data_dir: str | None
    device: str
    jobs: int = 1
    learning_rate: float = 0.0
    tuning_seconds: float = 0.0


_progress: Connection | None = None
_gpu: IO[str] | None = None


def start_worker(progress: Connection, parent: int, gpus: GpuSlots) -> None:
    """Set a worker process up: progress goes to the pipe, Ctrl-C is the parent's business."""
    global _progress, _gpu
    _progress = progress
    _gpu = gpus.claim()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    """End this process when the one that planned its work is gone, however it went."""
    while True:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(PARENT_CHECK_SECONDS)


def work(job: Job) -> Run:
    """Run one cell and store it. An exception goes back to the parent, which records it."""
    started = time.perf_counter()
    began = datetime.now(timezone.utc).isoformat(timespec="seconds")
    cell = job.cell
    # One thread for every training cell: accuracy must not depend on how many run side by side.
    threads = usable_cores() if cell.kind == "time" else 1
    torch.set_num_threads(threads)
    outcome = _outcome(job)
    run_id = cell.run_id
    if outcome.state is not None:
        job.store.save_weights(run_id, outcome.state)
    run = Run(
        schema=SCHEMA,
        run_id=run_id,
        suite=cell.suite,
        kind=cell.kind,
        status="done",
        config=cell.config(),
        provenance={
            **provenance(job.device, threads),
            "jobs": 1 if cell.kind == "time" else job.jobs,
            **outcome.provenance,
        },
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


def _outcome(job: Job) -> Outcome:
    cell = job.cell
    report = functools.partial(_report, cell.run_id)
    if cell.kind == "tune":
        return tune_cell(cell, job.data_dir, job.device, report)
    if cell.kind == "time":
        return time_cell(cell, job.data_dir, job.device)
    return train_cell(cell, job.data_dir, job.device, job.learning_rate, job.tuning_seconds, report)


def _report(run_id: str, epoch: int, epochs: int) -> None:
    """Send progress; so short a message is written to the pipe in one piece, without a lock."""
    if _progress is not None:
        _progress.send_bytes(json.dumps([run_id, epoch, epochs]).encode())
