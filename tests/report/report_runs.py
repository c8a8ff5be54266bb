"""Fabricated results for the page: baselines, a control, curves, layers, claims, hostile names."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from support.fabricated import time_run, train_run, write_runs

MODELS = {
    "liaf-net": (95.0, 40_000, 5.0), "klif": (93.0, 40_010, 2.0), "lif-snn": (92.0, 40_000, 1.8),
    "lstm": (91.0, 330_000, 20.0), "gru": (90.5, 250_000, 15.0), "conv-lstm": (94.0, 60_000, 60.0),
    "conv3d": (94.5, 45_000, 12.0), "cnn": (88.0, 40_000, 0.6),
    "liaf-net-alpha0": (90.0, 40_000, 4.5),
}  # fmt: skip
SPIKING = ("klif", "lif-snn")
PATHS = ("conv1", "conv1_neuron", "pool1", "conv2", "conv2_neuron", "dense1", "classifier")
HOSTILE = "<script>alert(1)</script>"
AWKWARD = (HOSTILE, "a_b%&$", "=1+1", "模型-Ω-é", "x" * 200)


def layers(baseline: str, seed: int) -> list[dict[str, Any]]:
    """Per layer counts that differ by baseline and seed."""
    rows = []
    for place, path in enumerate(PATHS):
        neuron = path.endswith("_neuron")
        rate = 0.05 * (place + 1) + 0.01 * seed if neuron and baseline in SPIKING else None
        macs = 0 if neuron or path == "pool1" else 100_000 * (place + 1)
        rows.append(
            {"layer": path, "weights": 100, "parameters": 110, "mac_dense": macs,
             "mac_effective": macs / 2, "ac": 0.0, "elementwise": 500, "spike_rate": rate}
        )  # fmt: skip
    return rows


def run(
    baseline: str, seed: int, figures: tuple[float, int, float], **fields: Any
) -> dict[str, Any]:
    """One training run with curves and layers."""
    accuracy, parameters, energy = figures
    noise = random.Random(f"{baseline} {seed}")
    epochs = fields.pop("epochs", 12)
    rising = [accuracy * (1 - 0.6 / (1 + epoch)) + noise.gauss(0, 0.4) for epoch in range(epochs)]
    return train_run(
        baseline,
        accuracy + noise.gauss(0, 0.5),
        seed=seed,
        counts={"parameters": parameters, "mac_dense": parameters * 30.0},
        extra={"energy_45nm_fp32": (energy * noise.uniform(0.97, 1.03), "uJ/sample"),
               "energy_45nm_fp32_sram": (9 * energy, "uJ/sample")},
        curves={"train_loss": [2.3 / (1 + epoch) for epoch in range(epochs)],
                "validation_accuracy": rising},
        layers=layers(baseline, seed),
        **fields,
    )  # fmt: skip


def usual(root: Path, tasks: tuple[str, ...] = ("digits-dvs",), seeds: int = 3) -> Path:
    """One suite: every model on the tasks, at both budgets, timed, with one failed run."""
    runs = []
    for task in tasks:
        for budget in ("equal-backbone", "equal-budget"):
            runs += [
                run(name, seed, figures, task=task, budget=budget)
                for name, figures in MODELS.items()
                for seed in range(seeds)
            ]
            speeds = {name: 1e6 / figures[2] for name, figures in MODELS.items()}
            runs.append(time_run(speeds, task=task, budget=budget))
    runs.append(train_run("lstm", None, task=tasks[0], budget="equal-budget", seed=seeds))
    return write_runs(root, runs)


def hostile(root: Path) -> Path:
    """One suite whose models have names that want to be markup, formulas, or endless."""
    runs = [run(name, seed, (80.0 + i, 1000 * (i + 1), 1.0 + i))
            for i, name in enumerate(AWKWARD) for seed in range(2)]  # fmt: skip
    return write_runs(root, runs)
