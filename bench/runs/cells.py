"""Cells of a suite and the ids their runs are stored under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from liafbench.baselines import BASELINES, plugins
from liafbench.baselines.errors import UsageError
from liafbench.bench.runfiles import numerics_version
from liafbench.bench.suites import EQUAL_BACKBONE, EQUAL_BUDGET, Group, Measure, Recipe, Suite
from liafbench.bench.tasks import TASKS


@dataclass(frozen=True)
class Cell:
    """What one run does. `kind` is "train", "tune" (one learning rate) or "time" (one group)."""

    kind: Literal["train", "tune", "time"]
    suite: str
    task: str
    backbone: str
    baselines: tuple[str, ...]
    engine: str
    budget: str
    budget_reference: str
    seed: int | None
    recipe: Recipe
    measure: Measure
    data: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    time_limit: float = 6 * 3600.0
    memory: float = 2.0
    gpus: float = 1.0

    @property
    def baseline(self) -> str:
        """The one baseline of a training cell; a timing cell joins all it interleaves."""
        return "+".join(self.baselines)

    @property
    def build_budget(self) -> str | None:
        """What `baselines.build` takes as its budget."""
        return self.budget_reference if self.budget == EQUAL_BUDGET else None

    @property
    def label(self) -> str:
        """Short name for progress and messages."""
        seed = "" if self.seed is None else f" seed {self.seed}"
        name = self.baseline if self.kind != "time" else f"{len(self.baselines)} baselines"
        rate = f" lr {self.recipe.learning_rate:g}" if self.kind == "tune" else ""
        return f"{self.kind} {self.task} {name} {self.budget}{rate}{seed}"

    def config(self, *, exclude_defaults: bool = False) -> dict[str, Any]:
        """Everything that decides the numbers, as plain JSON values."""
        recipe = self.recipe.model_dump(mode="json", exclude_defaults=exclude_defaults)
        code = self.code()
        config = {
            "kind": self.kind,
            "task": self.task,
            "backbone": self.backbone,
            "baselines": list(self.baselines),
            "engine": self.engine,
            "budget": self.budget,
            "budget_reference": self.budget_reference if self.budget == EQUAL_BUDGET else None,
            "seed": self.seed,
            "recipe": recipe,
            "measure": _measure_of(self.kind, self.measure),
            "data": self.data,
            "options": self.options,
            **({"code": code} if code else {}),
        }
        version = numerics_version(self.kind, self.baselines, self.backbone, self.recipe.precision)
        return config | {"numerics_version": version}

    def code(self) -> dict[str, str]:
        """Checksums of what comes from other packages: with its code a cell becomes a new one."""
        baselines = [*self.baselines, *([self.build_budget] if self.build_budget else [])]
        metrics = self.measure.metrics if self.kind == "train" else ()
        outside = [
            *((plugins.BASELINE_GROUP, name) for name in baselines if name not in BASELINES),
            *((plugins.TASK_GROUP, name) for name in (self.task,) if name not in TASKS),
            *((plugins.METRIC_GROUP, name) for name in metrics),
        ]
        found = {name: plugins.fingerprint(group, name) for group, name in outside}
        return {name: checksum for name, checksum in found.items() if checksum}

    @property
    def run_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical configuration.

        Fields at their default are left out, so that a new optional field keeps old ids; a
        default must therefore never change without a new NUMERICS_VERSION.
        """
        config = self.config(exclude_defaults=True)
        text = json.dumps(config, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _measure_of(kind: str, measure: Measure) -> dict[str, Any]:
    """Only what the kind of cell uses, so that a change of timing does not retrain anything."""
    keys: dict[str, set[str]] = {
        "train": {"count_samples", "metrics"} if measure.metrics else {"count_samples"},
        "tune": set(),
        "time": {"timing_rounds", "timing_batch"},
    }
    return measure.model_dump(mode="json", include=keys[kind])


@dataclass(frozen=True)
class Skipped:
    """A cell that cannot exist, and why: shown as n/a."""

    task: str
    backbone: str
    baseline: str
    budget: str
    reason: str


def training_cells(suite: Suite, seeds: int | None = None) -> Iterator[Cell]:
    """All training cells of a suite in file order; `seeds` replaces the list by 0 .. seeds-1."""
    for group in suite.group:
        listed = group.seeds or suite.seeds
        chosen = tuple(range(seeds)) if seeds is not None else listed
        shared = set(chosen) & set(group.recipe.tuning_seeds)
        if shared:
            raise UsageError(
                f"suite {suite.name}: seeds {sorted(shared)} are tuning seeds; take fewer --seeds"
            )
        for cell in _group_cells(suite, group):
            yield from (replace(cell, seed=seed) for seed in chosen)


def _group_cells(suite: Suite, group: Group) -> Iterator[Cell]:
    measure = suite.measure
    if group.count_samples is not None:
        measure = measure.model_copy(update={"count_samples": group.count_samples})
    for task in group.tasks:
        for budget in group.budgets or (EQUAL_BACKBONE,):
            for baseline in group.baselines:
                yield Cell(
                    kind="train",
                    suite=suite.name,
                    task=task,
                    backbone=group.backbone or "",
                    baselines=(baseline,),
                    engine=group.engine,
                    budget=budget,
                    budget_reference=group.budget_reference,
                    seed=None,
                    recipe=group.recipe,
                    measure=measure,
                    data=group.data,
                    options=group.options,
                    time_limit=group.time_limit,
                    memory=group.memory,
                    gpus=group.gpus,
                )


def tuning_cells(cell: Cell) -> list[Cell]:
    """The cells whose validation accuracy chooses the learning rate of a training cell."""
    recipe = cell.recipe
    alone = {"learning_rate_grid": (), "tuning_seeds": (), "tuning_epochs": None}
    epochs = recipe.tuning_epochs or recipe.epochs
    return [
        replace(
            cell,
            kind="tune",
            seed=seed,
            recipe=recipe.model_copy(
                update={**alone, "learning_rate": rate, "epochs": epochs, "track_test": False}
            ),
        )
        for rate in recipe.learning_rate_grid
        for seed in recipe.tuning_seeds
    ]


def timing_cells(cells: list[Cell]) -> list[Cell]:
    """One cell a (task, backbone, engine, budget): all its baselines, interleaved in one run."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        if cell.measure.timing:
            settings = json.dumps([cell.options, cell.data], sort_keys=True)
            where = (cell.task, cell.backbone, cell.engine, cell.budget, cell.budget_reference)
            key = (*where, settings)
            groups.setdefault(key, []).append(cell)
    return [
        replace(
            members[0],
            kind="time",
            seed=None,
            baselines=tuple(dict.fromkeys(cell.baseline for cell in members)),
            recipe=_timed_recipe(members[0].recipe),
            memory=max(cell.memory for cell in members),
        )
        for members in groups.values()
    ]


def _timed_recipe(recipe: Recipe) -> Recipe:
    """A recipe reduced to what a training step's time depends on."""
    return Recipe(
        optimizer=recipe.optimizer,
        epochs=1,
        batch_size=recipe.batch_size,
        weight_decay=recipe.weight_decay,
        momentum=recipe.momentum,
        loss=recipe.loss,
        precision=recipe.precision,
        channels_last=recipe.channels_last,
    )
