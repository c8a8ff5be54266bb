"""A worker process: runs the jobs it is sent, leaves with the process that sends them."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from liafbench.baselines.errors import UsageError
from liafbench.bench.runs.failure import failed
from liafbench.bench.runs.job import Job
from liafbench.bench.runs.needs import GpuSlots
from liafbench.bench.runs.worker import work

BEGUN, EPOCH, STORED, STOP = "begun", "epoch", "stored", "stop"
"""Messages to the parent: [BEGUN], [EPOCH, run id, epoch, epochs], [STORED], [STOP, why]."""

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
    def epoch(run_id: str, epoch: int, epochs: int) -> None:
        _send(connection, EPOCH, run_id, epoch, epochs)

    _send(connection, BEGUN)
    try:
        _print_to(job.store.open_log(job.cell.run_id))
        try:
            work(job, epoch)
        except Exception as error:  # noqa: BLE001 - whatever a cell raises is its failed run
            failed(job, error)
    except (UsageError, OSError) as error:  # not even the failure can be stored
        _send(connection, STOP, str(error))
    else:
        _print_to(os.open(os.devnull, os.O_WRONLY))  # what comes now belongs to no cell
        _send(connection, STORED)


def _send(connection: Connection, *message: Any) -> None:
    """So short a message is written to the pipe in one piece."""
    connection.send_bytes(json.dumps(message).encode())


def _print_to(handle: int) -> None:
    """From here on what this process prints, its libraries included, is the log of one cell."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)
