"""A finished training whose cell now asks for other counted samples: not trained a second time."""

from __future__ import annotations

import contextlib
import io
import json
import math
import time
import warnings
from datetime import UTC, datetime
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from liafbench.baselines.neurons.kernels import fallbacks
from liafbench.bench.counting.measurements import MEASURED
from liafbench.bench.runfiles import (
    COUNTS_VERSION,
    SCHEMA,
    Config,
    DamagedRun,
    Provenance,
    Record,
    Run,
    read_run,
)
from liafbench.bench.runs.build import build_net, execution_of, load_splits, measured, packed
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.count import counted
from liafbench.bench.runs.queue import Job
from liafbench.bench.runs.store import Store
from liafbench.bench.suites import Recipe
from liafbench.bench.tasks import Split
from liafbench.bench.training import predict


class Trainings:
    """The finished trainings of a store whose weights are there, by what was trained."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: set[str] = set()
        self._runs: dict[str, dict[str, float]] = {}

    def same(self, cell: Cell, learning_rate: float) -> str | None:
        """The run that differs from this cell in its counted samples alone, if there is one."""
        self._look()
        found = self._runs.get(_training(cell.config()), {})
        return next(
            (run for run, rate in found.items() if rate == learning_rate and run != cell.run_id),
            None,
        )

    def _look(self) -> None:
        """Read what has come since: other cells of this session, and other processes."""
        there = {weights.stem for weights in self._store.checkpoints.glob("*.pt")}
        for run_id in sorted(there - self._read):
            # Damaged files are for the cells they belong to, which may not be asked for here.
            with contextlib.suppress(DamagedRun, OSError, ValidationError):
                run = read_run(self._store.path(run_id))
                self._read.add(run_id)
                if run.kind == "train" and run.status == "done":
                    self._runs.setdefault(_training(run.config.plain()), {})[run_id] = _rate(run)


def recount(job: Job, trained: str, where: dict[str, Any]) -> Run | None:
    """The run of a cell, from the stored training and new counts of its network.

    None where the stored weights do not classify the test set as the stored run says: then they
    are not its weights, or this machine computes otherwise, and the cell is to be trained. `where`
    is the provenance of the counts.
    """
    began, started = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    cell, store, before = job.cell, job.store, fallbacks()
    try:
        run = read_run(store.path(trained))
        weights = store.checkpoint(trained).read_bytes()
    except (DamagedRun, FileNotFoundError):  # it was there when this cell was given out
        return None
    net, test = build_net(cell), load_splits(cell, job.data_dir).test
    fits = _rate(run) == job.learning_rate and _takes(net, weights)
    if not fits or _predictions(job, net, test) != run.predictions.model_dump():
        path = store.checkpoint(trained)
        warnings.warn(f"{path}: not the weights of run {trained}: training again", stacklevel=2)
        return None
    counts = counted(cell, net, test)
    store.save_checkpoint(cell.run_id, weights)
    again = {
        **where,
        "kernel_fallbacks": sorted(fallbacks() - before),
        "trained_as": run.origin,
        "training_started": run.training_started,
        "seconds": round(time.perf_counter() - started, 3),
    }
    return run.model_copy(
        update={
            "schema_version": SCHEMA,
            "run_id": cell.run_id,
            "config": Config(**cell.config()),
            "records": [*_kept(run, job), *counts.records],
            "layers": counts.layers,
            "counts_version": COUNTS_VERSION,
            "findings": counts.findings,
            "unmeasured": _other(run) | counts.unmeasured,
            "provenance": Provenance(**run.provenance.plain() | {"counted_again": again}),
            "started": began,
        }
    )


def _kept(run: Run, job: Job) -> list[Record]:
    """All that was not counted; tuning may have been repeated since."""
    tuned = measured(job.cell, "tuning_time", job.tuning_seconds, "s")
    kept = [record for record in run.records if record.metric not in MEASURED]
    return [tuned if record.metric == tuned.metric else record for record in kept]


def _other(run: Run) -> dict[str, str]:
    """What else than counts could not be measured."""
    return {name: reason for name, reason in run.unmeasured.items() if name != "counts"}


def _rate(run: Run) -> float:
    """NaN, which equals nothing, where the file does not say."""
    found = (record.value for record in run.records if record.metric == "learning_rate")
    return next(found, math.nan)


def _takes(net: nn.Module, weights: bytes) -> bool:
    """Load weights; False where they are damaged or of another network."""
    try:
        net.load_state_dict(torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True))
    except Exception:  # noqa: BLE001 - what a damaged file raises depends on where it is damaged
        return False
    return True


def _predictions(job: Job, net: nn.Module, test: Split) -> dict[str, Any]:
    execution = execution_of(job.cell, job.device)
    execution.place_network(net)
    return packed(predict(net, test, execution).correct)


def _training(config: dict[str, Any]) -> str:
    """All of a configuration but how many test samples are counted, defaults left out as in ids."""
    measure = {k: v for k, v in config.get("measure", {}).items() if k != "count_samples"}
    recipe = Recipe.model_validate(config["recipe"]).model_dump(mode="json", exclude_defaults=True)
    return json.dumps(config | {"measure": measure, "recipe": recipe}, sort_keys=True)
