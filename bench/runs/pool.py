"""The executor for one machine: processes that take cell after cell, replaced when they die."""

from __future__ import annotations

import json
import math
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from liafbench.baselines.errors import UsageError
from liafbench.bench.runfiles import Run
from liafbench.bench.runs.failure import CellDied, TimeLimit, failed
from liafbench.bench.runs.queue import Job, Jobs, OnEpoch, OnFinished
from liafbench.bench.runs.resources import GpuSlots, Room, free_memory, visible_gpus
from liafbench.bench.runs.worker import BEGUN, EPOCH, STOP, serve

LOOK_AGAIN_SECONDS = 0.5
GRACE_SECONDS = 3.0
MAIN_GUARD = "a script that starts a run needs `if __name__ == '__main__':` around its call"


def check_main_guard() -> None:
    """UsageError in a worker that is running its parent's script again, to import it.

    The run would wait there for its own parent, for ever.
    """
    # `multiprocessing` tells by this, too, that a process is still being prepared.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError(f"a worker process was about to start this run again: {MAIN_GUARD}")


def execute(jobs: Jobs, workers: int, on_epoch: OnEpoch, on_finished: OnFinished) -> None:
    """Run jobs in `workers` processes; every one ends as a stored run, done or failed."""
    # The fork server has imported everything once, before any thread pool exists: a new worker
    # is then a matter of milliseconds, and forking is safe.
    context = multiprocessing.get_context("forkserver")
    # Optimizers import torch._dynamo, which takes seconds, when they are first made.
    context.set_forkserver_preload(["liafbench.bench.runs.worker", "torch._dynamo"])
    with tempfile.TemporaryDirectory(prefix="liafbench-") as folder:
        slots = [_Slot(context, Path(folder), workers) for _ in range(workers)]
        try:
            _drain(jobs, slots, on_epoch, on_finished)
        finally:
            for slot in slots:
                slot.stop()


def _drain(jobs: Jobs, slots: list[_Slot], on_epoch: OnEpoch, on_finished: OnFinished) -> None:
    """Start jobs in their order as far as workers and memory are free."""
    room = Room(free_memory())
    while len(jobs) or any(slot.job for slot in slots):
        for slot in slots:
            if slot.job is None and (job := jobs.take(lambda c: room.holds(c.memory))) is not None:
                room.take(job.cell.memory)
                slot.start(job)
        at_work = [slot for slot in slots if slot.job is not None]
        _wait(at_work, len(jobs) > 0 and len(at_work) < len(slots))
        for slot in at_work:
            job = slot.job
            run = slot.outcome(on_epoch)
            if job is not None and run is not None:
                room.give_back(job.cell.memory)
                on_finished(run)


def _wait(slots: list[_Slot], look_again: bool) -> None:
    """Until a worker says something, ends or is late; soon, when others hold cells we lack."""
    if not slots:
        time.sleep(LOOK_AGAIN_SECONDS)
        return
    late = min(slot.deadline for slot in slots) - time.monotonic()
    timeout = min(late, LOOK_AGAIN_SECONDS) if look_again else late
    ears = [each for slot in slots for each in slot.ears()]
    wait(ears, None if timeout == math.inf else max(0.0, timeout))


class _Slot:
    """A place for one worker process and the job it has in work."""

    def __init__(self, context: Any, folder: Path, workers: int) -> None:
        self._context = context
        self._folder = folder
        self._workers = workers
        self._process: Any = None
        self._connection: Connection
        self._begun = False
        """Whether the worker has come as far as a cell."""
        self.job: Job | None = None
        self.deadline = math.inf

    def start(self, job: Job) -> None:
        """Send a job to the worker; a new worker where there is none.

        A cell of outside code has a worker of its own: whatever it changes in its process
        (default dtype, threads, working folder, random state) no other cell sees.
        """
        self.job = job
        self.deadline = math.inf  # until the worker has started and says that the cell has
        if self._process is None or not self._sent(job):
            self._renew(job)
            self._sent(job)  # a worker that cannot even take its job has died: `outcome` says so

    def ears(self) -> tuple[Any, ...]:
        """What becomes readable when there is something to hear."""
        return self._connection, self._process.sentinel

    def outcome(self, on_epoch: OnEpoch) -> Run | None:
        """The stored run of the job when it has ended; None while it goes on."""
        job = self.job
        if job is None:
            return None
        ended = not self._process.is_alive()
        message = self._message(on_epoch, job.cell.run_id)
        if message is not None:
            self.job = None
            if message[0] == STOP:
                raise UsageError(message[2])
            if job.cell.code():
                self.stop()
            return job.store.read(job.cell.run_id) or failed(job, CellDied(None))
        if ended:
            self._check_started()
            return self._given_up(job, CellDied(self._process.exitcode))
        if time.monotonic() > self.deadline:
            return self._given_up(job, TimeLimit(job.cell.time_limit))
        return None

    def stop(self) -> None:
        """End the worker; it says in the log of its cell where it was."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.join(GRACE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._connection.close()
        self._process = None

    def _check_started(self) -> None:
        """UsageError where the process has ended by itself before any cell: none is at fault."""
        code = self._process.exitcode
        if not self._begun and code is not None and code > 0:
            raise UsageError(
                f"a worker process could not start (exit code {code}), for the reason above; "
                f"{MAIN_GUARD}"
            )

    def _given_up(self, job: Job, error: CellDied | TimeLimit) -> Run:
        self.stop()
        self.job = None
        # It may have stored its run in the last moment.
        made = job.store.stamp(job.cell.run_id) != job.seen
        return (job.store.read(job.cell.run_id) if made else None) or failed(job, error)

    def _message(self, on_epoch: OnEpoch, run_id: str) -> list[Any] | None:
        """The next message of this run that is not an epoch's, if there is one."""
        try:
            while self._connection.poll():
                message = json.loads(self._connection.recv_bytes())
                if message[1] != run_id:  # of a process that the cell before has left behind
                    continue
                if message[0] == BEGUN and self.job is not None:
                    self._begun = True
                    self.deadline = time.monotonic() + self.job.cell.time_limit
                elif message[0] == EPOCH:
                    on_epoch(*message[1:])
                else:
                    return message
        except (EOFError, OSError):
            self._process.join(GRACE_SECONDS)  # it hung up: it is about to end
        return None

    def _renew(self, job: Job) -> None:
        self.stop()
        gpus = GpuSlots(self._folder, visible_gpus(job.device), self._workers)
        connection, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, gpus))
        try:
            process.start()
        except (OSError, EOFError) as error:
            connection.close()
            raise UsageError(
                f"no worker process can be started: the fork server has ended ({error or 'gone'}); "
                "what is finished is kept, start again"
            ) from error
        except BaseException:  # a signal at this moment: without us it ends by itself
            connection.close()
            raise
        theirs.close()
        self._connection, self._process, self._begun = connection, process, False

    def _sent(self, job: Job) -> bool:
        try:
            self._connection.send(job)
        except OSError:
            return False
        return True
