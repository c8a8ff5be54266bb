"""The executor for one machine: a process a cell, replaced when it dies or overruns its limit."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from bench.runs.executor import OnEpoch, OnFinished
from bench.runs.needs import GpuSlots, Room, free_memory, visible_gpus
from bench.runs.provenance import provenance
from bench.runs.records import SCHEMA, Run
from bench.runs.worker import Job, start_worker, work
from bench.training import Diverged

LOG_LINES = 12


def execute(jobs: list[Job], workers: int, on_epoch: OnEpoch, on_finished: OnFinished) -> None:
    """Run jobs in `workers` processes; every one ends as a stored run, done or failed."""
    if not jobs:
        return
    # The fork server has imported everything once, before any thread pool exists: a new worker
    # is then a matter of milliseconds, and forking is safe.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.runs.worker"])
    workers = min(workers, len(jobs))
    with (
        tempfile.TemporaryDirectory(prefix="liafbench-") as folder,
        _listener(context, on_epoch) as progress,
    ):
        gpus = GpuSlots(Path(folder), visible_gpus(jobs[0].device), workers)
        pool = ProcessPool(
            max_workers=workers,
            initializer=start_worker,
            initargs=(progress, os.getpid(), gpus),
            context=context,
        )
        try:
            _drain(pool, jobs, workers, on_finished)
        finally:
            pool.stop()
            pool.join()


def _drain(pool: ProcessPool, jobs: list[Job], workers: int, on_finished: OnFinished) -> None:
    """Start jobs in their order as far as workers and memory are free."""
    waiting = list(jobs)
    running: dict[Future[Run], Job] = {}
    room = Room(free_memory())
    while waiting or running:
        while len(running) < workers:
            job = next((each for each in waiting if room.holds(each.cell.memory)), None)
            if job is None:
                break
            waiting.remove(job)
            room.take(job.cell.memory)
            running[pool.schedule(work, args=(job,), timeout=job.cell.time_limit)] = job
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job = running.pop(future)
            room.give_back(job.cell.memory)
            error = future.exception()
            on_finished(future.result() if error is None else failed(job, error))


def failed(job: Job, error: BaseException) -> Run:
    """Store and return the failed run of a job: the reason in one line, the end of its log."""
    run = Run(
        schema=SCHEMA,
        run_id=job.cell.run_id,
        suite=job.cell.suite,
        kind=job.cell.kind,
        status="failed",
        reason=_reason(job, error),
        log=_log(error),
        config=job.cell.config(),
        provenance=provenance(job.device, threads=1),
        curves=error.curves if isinstance(error, Diverged) else {},
        health=error.health if isinstance(error, Diverged) else [],
    )
    # Weights of an earlier try must not pass for those of a run that failed.
    job.store.checkpoint(run.run_id).unlink(missing_ok=True)
    job.store.write(run)
    return run


def _reason(job: Job, error: BaseException) -> str:
    if isinstance(error, FutureTimeout):
        return f"exceeded its time limit of {job.cell.time_limit:g} s"
    if isinstance(error, ProcessExpired):
        return f"its process died (exit code {error.exitcode})"
    return f"{type(error).__name__}: {error}"


def _log(error: BaseException) -> list[str]:
    # A remote traceback comes as the cause of the exception that the future carries.
    lines = "".join(traceback.format_exception(error)).splitlines()
    return lines[-LOG_LINES:]


@contextmanager
def _listener(
    context: multiprocessing.context.BaseContext, on_epoch: OnEpoch
) -> Iterator[Connection]:
    """A pipe for the workers' progress, read by a thread of this process."""
    reader, writer = context.Pipe(duplex=False)

    def listen() -> None:
        while message := reader.recv_bytes():
            run_id, epoch, epochs = json.loads(message)
            on_epoch(run_id, epoch, epochs)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        writer.send_bytes(b"")  # an empty message ends the thread
        thread.join(timeout=5)
