"""The driver's side of a Ray cluster: a task a cell, results written here and once."""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray import exceptions as gone
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

from liafbench.baselines.errors import UsageError
from liafbench.bench.runfiles import Provenance, Run
from liafbench.bench.runs.cluster.node import Desk, Software, describe, run_cell
from liafbench.bench.runs.cluster.placing import list_files
from liafbench.bench.runs.cluster.signals import Held
from liafbench.bench.runs.failure import failed
from liafbench.bench.runs.provenance import usable_cores
from liafbench.bench.runs.queue import Job, Jobs, OnEpoch, OnFinished
from liafbench.bench.runs.resources import GIB

POLL_SECONDS = 0.5
ANSWER_SECONDS = 180.0
GRACE_SECONDS = 60.0
LOST_TRIES = 3
LOST = (gone.WorkerCrashedError, gone.NodeDiedError, gone.ObjectLostError)
"""The worker or its node went away, which says nothing about the cell."""

Needs = dict[str, float]

remote: Any = ray.remote
"""Untyped: its overloads leave out what is decided at run time."""


class WorkerLost(RuntimeError):
    """A cell lost its worker more often than it is tried."""


class OutOfMemory(RuntimeError):
    """Ray ended a cell because its node ran short of memory."""


class RayCluster:
    """A connection to a cluster, as a context; `execute` is an `Execute`."""

    def __init__(self, address: str | None, cpus: int | None = None) -> None:
        self._address = address
        self._cpus = cpus or usable_cores()
        self._software: dict[str, Software] = {}
        self._signals = Held()

    def __enter__(self) -> RayCluster:
        self._signals.hold()
        with contextlib.ExitStack() as undo:
            undo.callback(self._leave)
            _connect(self._address, self._cpus)
            self._signals.again()
            here = ray.get_runtime_context().get_node_id()
            desk = remote(num_cpus=0, max_concurrency=8)(Desk)
            self._desk: Any = desk.options(scheduling_strategy=OnNode(here, soft=False)).remote()
            self._signals.handle()
            undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._leave()
        if kind is None:
            self._signals.handle()

    def _leave(self) -> None:
        ray.shutdown()
        self._signals.release()

    def device(self, asked: str) -> str:
        """The device for "auto", "cpu" or "cuda": "auto" takes GPUs where a node has them."""
        gpus = any(node.get("GPU") for node in _nodes().values())
        if asked == "cuda" and not gpus:
            raise UsageError("--device cuda: no node of the cluster has a GPU")
        return "cuda" if asked == "cuda" or (asked == "auto" and gpus) else "cpu"

    def machine(self, device: str) -> str:
        """The one kind of machine that all nodes are, with the same software; else UsageError."""
        return self._agreed(device).machine

    def _agreed(self, device: str) -> Software:
        if device not in self._software:
            self._software[device] = _ask(device, self._signals.handle)
        return self._software[device]

    def execute(self, jobs: Jobs, workers: int, on_epoch: OnEpoch, on_finished: OnFinished) -> None:
        """Run jobs as tasks. A lost worker's cell is tried again, one that fails by itself not."""
        batch = _Batch(jobs, self._desk, self._agreed)
        try:
            with contextlib.closing(batch):
                while not batch.is_done():
                    batch.submit(workers)
                    for run in batch.finished():
                        on_finished(run)
                    for epoch in ray.get(self._desk.take.remote()):
                        on_epoch(*epoch)
                    self._signals.handle()
        except (gone.RayError, ConnectionError) as error:
            raise UsageError(
                f"the Ray cluster is gone: {_first_line(error)}; what is finished is kept, start "
                "again when there is one"
            ) from error


class _Batch:
    """Jobs in work on the cluster, and those that are begun again."""

    def __init__(self, jobs: Jobs, desk: Any, agreed: Callable[[str], Software]) -> None:
        self._jobs = jobs
        self._desk = desk
        self._agreed = agreed
        self._again: deque[Job] = deque()
        self._running: dict[Any, Job] = {}
        self._lost: Counter[str] = Counter()
        self._held = time.monotonic()
        self._task = remote(max_retries=0)(run_cell)
        self._list_files = functools.cache(list_files)

    def is_done(self) -> bool:
        return not len(self._jobs) and not self._again and not self._running

    def submit(self, workers: int) -> None:
        """Hand tasks to Ray, which starts each where its needs are free."""
        nodes = _nodes()
        while len(self._running) < workers:
            if self._again:
                job = self._again.popleft()
            elif (fresh := self._jobs.take()) is not None:
                job = fresh
                _check_held(job, nodes)
            else:
                break
            needs = _needs(job, nodes)
            task = self._task.options(
                num_cpus=needs["CPU"], num_gpus=needs.get("GPU", 0), memory=int(needs["memory"])
            )
            listing = self._list_files(job.cell.task, job.data_dir)
            software = self._agreed(job.device)
            ref = task.remote(job, self._desk, listing, software, _at_once(needs, nodes))
            self._running[ref] = job
        self._check_still_held(nodes)

    def finished(self) -> Iterator[Run]:
        """Store and give what ended within the next moment."""
        if not self._running:  # others are at work on what is left, and may leave it to us
            time.sleep(POLL_SECONDS)
            return
        done, _ = ray.wait(list(self._running), timeout=POLL_SECONDS)
        for ref in done:
            job = self._running.pop(ref)
            try:
                run, weights = ray.get(ref)
            except LOST as error:
                self._lost[job.cell.run_id] += 1
                if self._lost[job.cell.run_id] <= LOST_TRIES:
                    self._again.append(job)
                    continue
                reason = f"lost its worker {LOST_TRIES + 1} times, last: {_first_line(error)}"
                yield failed(job, WorkerLost(reason))
            except gone.OutOfMemoryError:
                reason = "its node ran short of memory; raise `memory` in its group"
                yield failed(job, OutOfMemory(reason))
            except gone.RayTaskError as error:
                if isinstance(error.cause, UsageError):
                    raise UsageError(str(error.cause)) from error
                yield failed(job, error)
            else:
                yield self._stored(job, run, weights)

    def _stored(self, job: Job, run: Run, weights: bytes | None) -> Run:
        lost = self._lost[run.run_id]
        if lost:
            run.provenance = Provenance(**run.provenance.plain() | {"lost_workers": lost})
        if weights is None:
            job.store.forget_weights(run.run_id)
        else:
            job.store.save_checkpoint(run.run_id, weights)
        job.store.write(run)
        return run

    def _check_still_held(self, nodes: dict[str, Needs]) -> None:
        """Nodes leave and come; a cell that none could hold for a while would wait for ever."""
        if all(_held(_needs(job, nodes), nodes) for job in self._running.values()):
            self._held = time.monotonic()
        elif time.monotonic() - self._held > GRACE_SECONDS:
            for job in self._running.values():
                _check_held(job, nodes)

    def close(self) -> None:
        """End what is in work; nothing of it is stored."""
        for ref in self._running:
            with contextlib.suppress(gone.RayError):
                ray.cancel(ref, force=True)


def _connect(address: str | None, cpus: int) -> None:
    """Connect, or start a Ray of this machine that listens on its loopback only."""
    if address and "://" in address:
        raise UsageError(f"--address {address}: run the command on a node of the cluster, there "
                         "with --address auto or HOST:PORT")  # fmt: skip
    alone: dict[str, Any] = {
        "num_cpus": cpus,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
    }
    try:
        ray.init(
            address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **({} if address else alone),
        )
    except (ConnectionError, ValueError, RuntimeError, gone.RayError) as error:
        raise UsageError(
            f"--address {address}: no Ray cluster answers: {_first_line(error)}; start one with "
            "`ray start --head`"
        ) from error


def _nodes() -> dict[str, Needs]:
    """Resources of the nodes that are alive, by node id."""
    return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}


def _ask(device: str, meanwhile: Callable[[], None]) -> Software:
    """What all nodes that can hold a cell have in common; calls `meanwhile` while they answer."""
    kind = "GPU" if device == "cuda" else "CPU"
    able = [node for node, has in _nodes().items() if has.get("CPU") and has.get(kind)]
    if not able:
        raise UsageError("no node of the cluster has a core for a cell")
    gpus = 0.01 if device == "cuda" else 0
    task = remote(num_cpus=0, num_gpus=gpus, max_retries=0)(describe)
    refs = [task.options(scheduling_strategy=OnNode(node, soft=False)).remote(device)
            for node in able]  # fmt: skip
    deadline = time.monotonic() + ANSWER_SECONDS
    while ray.wait(refs, num_returns=len(refs), timeout=POLL_SECONDS)[1]:
        meanwhile()
        if time.monotonic() > deadline:
            raise UsageError("a node of the cluster does not answer, or all its GPUs are in use; "
                             "`ray status` shows the nodes")  # fmt: skip
    try:
        first, *others = ray.get(refs)
    except gone.RayTaskError as error:
        raise UsageError("liafbench does not start on a node of the cluster: "
                         f"{error.cause!r}; install it there") from error  # fmt: skip
    for other in others:
        if difference := first.difference(other):
            raise UsageError(
                f"the nodes of the cluster differ: one has {difference}; tables never mix them, so "
                "take nodes of one kind with the same installation"
            )
    return first


def _needs(job: Job, nodes: dict[str, Needs]) -> Needs:
    """What a cell asks Ray for: one core, or for timing every core of a node, to be alone there."""
    timing = job.cell.kind == "time"
    cores = max((has.get("CPU", 0) for has in nodes.values()), default=0)
    needs = {"CPU": max(1, cores) if timing else 1, "memory": job.cell.memory * GIB}
    if job.device == "cuda":
        needs["GPU"] = 1 if timing else job.cell.gpus
    return needs


def _held(needs: Needs, nodes: dict[str, Needs]) -> bool:
    return any(all(has.get(what, 0) >= n for what, n in needs.items()) for has in nodes.values())


def _check_held(job: Job, nodes: dict[str, Needs]) -> None:
    needs = _needs(job, nodes)
    if not _held(needs, nodes):
        words = f"{needs['CPU']:g} cores, {needs['memory'] / GIB:g} GiB"
        words += f", {needs['GPU']:g} GPU" if "GPU" in needs else ""
        raise UsageError(
            f"no node of the cluster can hold {job.cell.label} ({words}); what is finished is kept"
        )


def _at_once(needs: Needs, nodes: dict[str, Needs]) -> int:
    """The most such cells side by side on one node."""
    return max(
        int(min(has.get(what, 0) / n for what, n in needs.items() if n)) for has in nodes.values()
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
