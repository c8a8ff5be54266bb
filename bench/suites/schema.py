"""What a suite file may say. Every field is checked; an unknown key is an error that names it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

EQUAL_BACKBONE: Final = "equal-backbone"
EQUAL_BUDGET: Final = "equal-budget"

RESERVED: Final = frozenset({
    "claims", "costs", "counting", "neurons", "published", "records", "runs", "tables",
    "throughput",
})  # fmt: skip
"""Names below a results folder that hold something else than a suite."""
MOST_BYTES: Final = 10_000
"""Of the options of a group, as JSON."""

Listed = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
"""TOML has lists where fields are tuples; nothing else is converted."""
Positive = Annotated[float, Field(gt=0, le=1e12)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=10_000), Listed]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=1_000), Listed]
Options = Annotated[dict[Name, Any], Field(max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Recipe(_Strict):
    """How a cell is trained; the same for every baseline of a task."""

    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: Positive = 1e-3
    learning_rate_grid: Annotated[tuple[Positive, ...], Field(max_length=100), Listed] = ()
    tuning_seeds: Annotated[tuple[Seed, ...], Field(max_length=100), Listed] = ()
    tuning_epochs: Count | None = None
    epochs: Count
    batch_size: Count
    weight_decay: float = Field(default=0.0, ge=0, le=1e12)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    schedule: Literal["none", "cosine"] = "none"
    t_max: Count | None = None
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    loss: Literal["cross-entropy", "mse-rate"] = "cross-entropy"
    gradient_clip: Positive | None = None
    bucket: bool = False
    augmentation: Literal["none", "plif-mnist", "crop-flip"] = "none"
    precision: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = False
    track_test: bool = False

    @model_validator(mode="after")
    def _grid_has_its_own_seeds(self) -> Recipe:
        if bool(self.learning_rate_grid) != bool(self.tuning_seeds):
            raise ValueError("learning_rate_grid and tuning_seeds go together")
        return self

    @model_validator(mode="after")
    def _nothing_is_said_in_vain(self) -> Recipe:
        """A reader of the file must not believe in a setting that is not used."""
        unused = {
            "tuning_epochs without learning_rate_grid": self.tuning_epochs
            and not self.learning_rate_grid,
            "momentum with adam": self.momentum and self.optimizer == "adam",
            "t_max without the cosine schedule": self.t_max and self.schedule != "cosine",
            "label_smoothing with mse-rate": self.label_smoothing and self.loss == "mse-rate",
        }
        for what, found in unused.items():
            if found:
                raise ValueError(f"{what} has no effect: leave it out")
        return self


class Group(_Strict):
    """Cells that share a recipe: every task with every baseline, budget and seed."""

    tasks: Names
    baselines: Names
    recipe: Recipe
    backbone: Name | None = None
    engine: Name = "native"
    budgets: Annotated[
        tuple[Literal["equal-backbone", "equal-budget"], ...], Field(max_length=2), Listed
    ] = (EQUAL_BACKBONE,)
    budget_reference: Name = "liaf-net"
    seeds: Seeds | None = None
    count_samples: int | None = Field(default=None, ge=0, le=10**9)
    """In place of the suite's: test samples that are counted."""
    data: Options = Field(default_factory=dict)
    options: Options = Field(default_factory=dict)
    time_limit: Positive = 6 * 3600.0
    memory: Positive = 2.0
    """GiB of host memory a cell may take; what a machine cannot hold side by side waits."""
    gpus: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of a GPU a cell takes in a cluster; on one machine `--jobs` decides."""

    @field_validator("data", "options")
    @classmethod
    def _plain_and_finite(cls, values: dict[str, Any]) -> dict[str, Any]:
        """What goes into a run file as it is."""
        for name, value in values.items():
            try:
                text = json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                shown = str(value)[:80]
                raise ValueError(f"{name} = {shown} is no finite number, text or list") from error
            if len(text) > MOST_BYTES:
                raise ValueError(f"{name} is longer than {MOST_BYTES:,} characters")
        return values

    @model_validator(mode="after")
    def _tuning_never_sees_the_seeds_of_the_runs(self) -> Group:
        shared = set(self.seeds or ()) & set(self.recipe.tuning_seeds)
        if shared:
            raise ValueError(f"tuning_seeds and seeds share {sorted(shared)}")
        return self


class Measure(_Strict):
    """What is measured beside accuracy."""

    count_samples: int = Field(default=32, ge=0, le=10**9)
    timing: bool = True
    timing_rounds: Count = 10
    timing_batch: Count = 32
    metrics: Annotated[tuple[Name, ...], Field(max_length=1_000), Listed] = ()
    """Functions of other packages, `package.module:function`, measured on the trained network."""


class Suite(_Strict):
    """A suite file: cells, recipe, what to measure."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    title: str = Field(default="", max_length=1_000)
    seeds: Seeds = (0, 1, 2)
    group: Annotated[tuple[Group, ...], Field(min_length=1, max_length=1_000), Listed]
    measure: Measure = Field(default_factory=Measure)

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError(f"{name!r} is reserved: that folder of the results holds other tables")
        return name

    @model_validator(mode="after")
    def _tuning_never_sees_the_suite_seeds(self) -> Suite:
        for group in self.group:
            shared = set(group.seeds or self.seeds) & set(group.recipe.tuning_seeds)
            if shared:
                raise ValueError(f"tuning_seeds and seeds share {sorted(shared)}")
        return self
