"""A worker process: runs the cells it is sent, one at a time, and stores each run.

It leaves with the process that sends them.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

import torch

from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons.kernels import fallbacks
from liafbench.bench.runfiles import COUNTS_VERSION, Run, disk_is_full
from liafbench.bench.runs.build import Outcome
from liafbench.bench.runs.failure import failed
from liafbench.bench.runs.locks import Locks
from liafbench.bench.runs.provenance import provenance, usable_cores
from liafbench.bench.runs.queue import Job, OnEpoch
from liafbench.bench.runs.recount import recount
from liafbench.bench.runs.resources import GpuSlots
from liafbench.bench.runs.time import time_cell
from liafbench.bench.runs.train import train_cell
from liafbench.bench.runs.tune import tune_cell
from liafbench.bench.timing.allocator import apply_policy, trim

BEGUN, EPOCH, STORED, STOP = "begun", "epoch", "stored", "stop"
"""Messages to the parent: [BEGUN, run id], [EPOCH, run id, epoch, epochs], [STORED, run id],
[STOP, run id, why]."""

_gpu: Any = None


def serve(connection: Connection, gpus: GpuSlots) -> None:
    """Run jobs one after the other until the connection closes."""
    global _gpu
    _gpu = gpus.claim()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    signal.signal(signal.SIGTERM, _leave)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    # Into the cell's log: where it was when it crashed, or was ended for taking too long.
    faulthandler.enable(file=2, all_threads=False)
    faulthandler.register(signal.SIGTERM, file=2, all_threads=False, chain=True)
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, jobs), daemon=True).start()
    while True:
        _run(jobs.get(), connection)


def _receive(connection: Connection, jobs: queue.SimpleQueue[Job]) -> None:
    """Pass jobs on; end this process when the one that sends them is gone, however it went."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            jobs.put(connection.recv())
    os._exit(1)


def _run(job: Job, connection: Connection) -> None:
    run_id = job.cell.run_id
    _send(connection, BEGUN, run_id)
    try:
        _print_to(job.store.open_log(run_id))
        try:
            work(job, functools.partial(_send, connection, EPOCH))
        except Exception as error:
            if disk_is_full(error):  # which says nothing about the cell
                raise UsageError(f"{job.cell.label}: {error}") from error
            failed(job, error)
    except (UsageError, OSError) as error:  # not even the failure can be stored
        _send(connection, STOP, run_id, str(error))
    else:
        _print_to(os.open(os.devnull, os.O_WRONLY))  # what comes now belongs to no cell
        _send(connection, STORED, run_id)


def _send(connection: Connection, *message: Any) -> None:
    """So short a message is written to the pipe in one piece."""
    connection.send_bytes(json.dumps(message).encode())


def _print_to(handle: int) -> None:
    """From here on what this process prints, its libraries included, is the log of one cell."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # the last words of a cell that had a full disk
            stream.flush()
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def work(job: Job, on_epoch: OnEpoch) -> Run:
    """Run one cell and store it; what it raises is for the caller to record."""
    run_id = job.cell.run_id
    # The run that planned the cell has locked it. If its process is gone, its worker may need a
    # moment to notice, and may even finish the cell in it.
    with Locks(job.store.folder).waited_for(f"{run_id} at work"):
        if job.store.stamp(run_id) != job.seen and (made := job.store.read(run_id)) is not None:
            return made
        return _work(job, on_epoch)


def _work(job: Job, on_epoch: OnEpoch) -> Run:
    started = time.perf_counter()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    cell, process = job.cell, os.getpid()
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
    if os.getpid() != process:  # a fork that the cell's model made: one cell has one answer
        os._exit(1)
    if outcome.state is not None:
        job.store.save_weights(cell.run_id, outcome.state)
    run = Run.of(
        run_id=cell.run_id,
        suite=cell.suite,
        kind=cell.kind,
        status="done",
        config=cell.config(),
        provenance={
            **where,
            "kernel_fallbacks": sorted(fallbacks() - before),
            **outcome.provenance,
        },
        records=outcome.records,
        curves=outcome.curves,
        health=outcome.health,
        findings=outcome.findings,
        unmeasured=outcome.unmeasured,
        predictions=outcome.predictions,
        layers=outcome.layers,
        counts_version=COUNTS_VERSION,
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
