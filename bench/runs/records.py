"""Records and the run files that hold them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 2
"""Version of the run file's layout: 2 has a checksum, 1 has none."""

COLUMNS = (
    "run_id",
    "suite",
    "task",
    "backbone",
    "baseline",
    "engine",
    "budget",
    "seed",
    "metric",
    "value",
    "unit",
    "n",
    "spread",
)
"""Columns of records.csv, in order."""


class Record(BaseModel):
    """One measured value: `n` is how many measurements it rests on, `spread` their spread."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    backbone: str
    baseline: str
    engine: str
    budget: str
    seed: int | None
    metric: str
    value: float
    unit: str
    n: int = 1
    spread: float | None = None


class Run(BaseModel):
    """One run file: a cell that finished or failed, with everything needed to judge it."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(SCHEMA, alias="schema", ge=1)
    checksum: str = ""
    run_id: str
    suite: str
    kind: Literal["train", "tune", "time"]
    status: Literal["done", "failed"]
    reason: str | None = None
    log: list[str] = Field(default_factory=list)
    config: dict[str, Any]
    provenance: dict[str, Any] = Field(default_factory=dict)
    records: list[Record] = Field(default_factory=list)
    curves: dict[str, list[float]] = Field(default_factory=dict)
    health: list[dict[str, Any]] = Field(default_factory=list)
    predictions: dict[str, Any] = Field(default_factory=dict)
    layers: list[dict[str, Any]] = Field(default_factory=list)
    started: str = ""
    seconds: float = 0.0

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The provenance of what was run, and of its counts where they were made later."""
        again = self.provenance.get("counted_again")
        return [self.provenance, *([again] if again else [])]

    @property
    def origin(self) -> str:
        """The id it was trained as: its own, but for a training whose network was counted again."""
        return str(self.sources[-1].get("trained_as", self.run_id))

    @property
    def training_started(self) -> str:
        """When it was trained; `started` is when its counts were, where they were made later."""
        return str(self.sources[-1].get("training_started", self.started))
