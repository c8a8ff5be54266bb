"""Fabricated run files in the true layout, for whoever reads run files."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from liafbench.bench import suites
from liafbench.bench.runfiles import COUNTS_VERSION, NUMERICS_VERSION, numerics_version, sealed

SAMPLES = 400
COUNTS = {
    "parameters": (12_345.0, "1"),
    "weights": (12_000.0, "1"),
    "synapses": (900_000.0, "1"),
    "mac_dense": (1_234_567.0, "1/sample"),
    "mac_effective": (345_678.5, "1/sample"),
    "ac": (0.0, "1/sample"),
    "elementwise": (55_000.0, "1/sample"),
    "flops": (2_524_134.0, "1/sample"),
    "neuron_updates": (11_000.0, "1/sample"),
    "energy_45nm_fp32": (2.5, "uJ/sample"),
    "spike_rate": (0.0625, "1"),
    "training_time": (12.5, "s"),
}


def run_id(*parts: object) -> str:
    """A run id that depends on the parts and nothing else."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def pack(correct: np.ndarray) -> str:
    """The bits of right answers as run files hold them."""
    return np.packbits(correct.astype(np.uint8)).tobytes().hex()


def right_answers(accuracy: float, samples: int, seed: int) -> np.ndarray:
    """`accuracy` percent of right answers; easy samples come first, a few differ by seed."""
    count = round(accuracy / 100 * samples)
    bits = np.zeros(samples, dtype=np.uint8)
    bits[:count] = 1
    for place in range(min(3, count, samples - count)):  # swap a few: networks disagree
        bits[(count - 1 - place - seed % 5) % count] = 0
        bits[count + (place + seed) % (samples - count)] = 1
    return bits


@cache
def _shipped(suite: str, task: str, baseline: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Recipe and data options: those of the claims' suites, or some."""
    if suite.startswith(("liaf-net", "klif", "claims")) and suite in suites.shipped():
        for group in suites.load(suite).group:
            if task in group.tasks and baseline in group.baselines:
                return group.recipe.model_dump(mode="json"), group.data
    return {"optimizer": "adam", "learning_rate": 1e-3, "epochs": 3}, {}


def train_run(
    baseline: str = "liaf-net",
    accuracy: float | None = 90.0,
    *,
    suite: str = "quick",
    task: str = "digits-dvs",
    backbone: str = "small",
    budget: str = "equal-backbone",
    engine: str = "native",
    seed: int = 0,
    samples: int = 0,
    numerics: int | None = None,
    recipe: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    counts: dict[str, float] | None = None,
    extra: dict[str, tuple[float, str]] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """One training run as a document; `accuracy=None` is a failed one."""
    place = {
        "task": task, "backbone": backbone, "baseline": baseline, "engine": engine,
        "budget": budget, "seed": seed,
    }  # fmt: skip
    own_recipe, own_data = _shipped(suite, task, baseline)
    measured = {name: (value, unit) for name, (value, unit) in COUNTS.items()}
    for name, value in (counts or {}).items():
        measured[name] = (value, COUNTS.get(name, (0, "1/sample"))[1])
    measured |= extra or {}
    config = {
        "kind": "train", "task": task, "backbone": backbone, "baselines": [baseline],
        "engine": engine, "budget": budget, "seed": seed, "measure": {"count_samples": 32},
        "recipe": recipe or own_recipe, "data": own_data if data is None else data,
        "options": options or {},
    }  # fmt: skip
    precision = config["recipe"].get("precision")
    current = numerics_version("train", [baseline], backbone, precision)
    config["numerics_version"] = current if numerics is None else numerics
    records = []
    predictions: dict[str, Any] = {}
    if accuracy is not None:
        if samples:
            bits = right_answers(accuracy, samples, seed)
            accuracy = 100.0 * float(bits.mean())
            predictions = {"correct": pack(bits), "n": samples}
        measured["test_accuracy"] = (accuracy, "%")
        records = [
            place | {"metric": m, "value": value, "unit": unit, "n": 1, "spread": None}
            for m, (value, unit) in measured.items()
        ]
    document = {
        "schema": 2,
        "counts_version": COUNTS_VERSION,
        "run_id": run_id(suite, place, data, options, recipe, config["numerics_version"]),
        "suite": suite,
        "kind": "train",
        "status": "failed" if accuracy is None else "done",
        "reason": "Diverged: training loss is nan in epoch 2 of 3" if accuracy is None else None,
        "config": config,
        "provenance": {"commit": "c0ffee" * 6 + "beef", "device": "cpu", "kernel": "portable"},
        "records": records,
        "curves": {"train_loss": [1.0, 0.5], "validation_accuracy": [80.0, 88.0]},
        "health": [],
        "predictions": predictions,
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 14.0,
    }
    return document | fields


def time_run(
    speeds: dict[str, float], *, task: str = "digits-dvs", backbone: str = "small",
    suite: str = "quick", budget: str = "equal-backbone", engine: str = "native", **fields: Any,
) -> dict[str, Any]:  # fmt: skip
    """One timing run of several baselines, interleaved."""
    records = [
        {
            "task": task, "backbone": backbone, "baseline": baseline, "engine": engine,
            "budget": budget, "seed": None, "metric": metric, "value": value, "unit": unit,
            "n": 10, "spread": value / 50,
        }
        for baseline, speed in speeds.items()
        for metric, value, unit in (
            ("inference_throughput", speed, "samples/s"),
            ("training_throughput", speed / 3, "samples/s"),
            ("peak_memory", 100.0, "MiB"),
        )
    ]  # fmt: skip
    return train_run(suite=suite, task=task, backbone=backbone, budget=budget) | {
        "run_id": run_id("time", suite, task, backbone, budget, sorted(speeds)),
        "kind": "time",
        "config": {
            "kind": "time", "task": task, "backbone": backbone, "baselines": list(speeds),
            "engine": engine, "budget": budget, "seed": None, "recipe": {}, "data": {},
            "options": {}, "numerics_version": NUMERICS_VERSION,
        },
        "records": records,
    } | fields  # fmt: skip


def sealed_text(run: dict[str, Any]) -> bytes:
    """The text of a run file, with its checksum."""
    return sealed((json.dumps(run, indent=1, sort_keys=True) + "\n").encode())


def write_runs(root: Path, runs: list[dict[str, Any]], machine: str = "test-cpu") -> Path:
    """Write run files below `root`/<suite>/<machine>/runs; returns `root`."""
    for run in runs:
        folder = root / run["suite"] / machine / "runs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{run['run_id']}.json").write_bytes(sealed_text(run))
    return root
