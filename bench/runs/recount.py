"""A finished training whose cell now asks for other counted samples: not trained a second time."""

from __future__ import annotations

import json
import pickle
import warnings
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.counting.trained import MEASURED
from bench.runs.cells import Cell
from bench.runs.counts import counted
from bench.runs.ingredients import build_net, load_splits
from bench.runs.job import Job
from bench.runs.outcome import packed
from bench.runs.provenance import provenance
from bench.runs.records import Run
from bench.runs.store import Store
from bench.tasks import Split
from bench.training import predict
from bench.training.recipe import Caller


class Trainings:
    """The finished trainings of a store whose weights are there, by what was trained."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def same(self, cell: Cell, learning_rate: float) -> str | None:
        """The run that differs from this cell in its counted samples alone, if there is one."""
        found = self._runs.get(_training(cell.config()), {})
        return next(
            (run for run, rate in found.items() if rate == learning_rate and run != cell.run_id),
            None,
        )

    @cached_property
    def _runs(self) -> dict[str, dict[str, float]]:
        """Run ids and their learning rates by training; read once, when first asked for."""
        found: dict[str, dict[str, float]] = {}
        for weights in sorted(self._store.checkpoints.glob("*.pt")):
            run = self._store.read(weights.stem)
            if run is not None and run.kind == "train" and run.status == "done":
                rate = next(r.value for r in run.records if r.metric == "learning_rate")
                found.setdefault(_training(run.config), {})[run.run_id] = rate
        return found


def recount(job: Job, trained: str) -> Run | None:
    """The run of a cell, from the stored training and new counts of its network.

    None where the stored weights do not classify the test set as the stored run says: then they
    are not its weights, or this machine computes otherwise, and the cell is to be trained.
    """
    began = datetime.now(timezone.utc).isoformat(timespec="seconds")
    cell, store = job.cell, job.store
    run, weights = store.read(trained), store.checkpoint(trained)
    if run is None or not weights.exists():
        return None
    net = build_net(cell)
    test = load_splits(cell, job.data_dir).test
    if not _takes(net, weights) or _predictions(job, net, test) != run.predictions:
        warnings.warn(f"{weights}: not the weights of run {trained}: training again", stacklevel=2)
        return None
    records, layers = counted(cell, net, test)
    store.save_checkpoint(cell.run_id, weights.read_bytes())
    return run.model_copy(
        update={
            "run_id": cell.run_id,
            "config": cell.config(),
            "records": [r for r in run.records if r.metric not in MEASURED] + records,
            "layers": layers,
            "provenance": {
                **run.provenance,
                "counted_again": {
                    "trained_as": trained,
                    "started": began,
                    **provenance(job.device, torch.get_num_threads()),
                },
            },
        }
    )


def _takes(net: nn.Module, weights: Path) -> bool:
    """Load weights; False where they are damaged or of another network."""
    try:
        net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (RuntimeError, EOFError, pickle.UnpicklingError):
        return False
    return True


def _predictions(job: Job, net: nn.Module, test: Split) -> dict[str, Any]:
    caller = Caller.of(job.cell.recipe, torch.device(job.device))
    caller.place(net)
    return packed(predict(net, test, caller).correct)


def _training(config: dict[str, Any]) -> str:
    """All of a configuration but how many test samples are counted."""
    measure = {k: v for k, v in config["measure"].items() if k != "count_samples"}
    return json.dumps(config | {"measure": measure}, sort_keys=True)
