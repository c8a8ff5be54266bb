"""The layout of run files and plans as types. Every field is bounded: a file may come from anybody.

Values that only this suite's own runs interpret (options, timing conditions, whatever provenance
a later version adds) are `Json`: bounded, finite, and otherwise as they stand.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator
from pydantic.dataclasses import dataclass
from typing_extensions import TypeAliasType

from liafbench.bench.runfiles.versions import COUNTS_VERSION, counts_version, numerics_version

SCHEMA = 2
"""Version of the run file's layout."""
PLAN = "plan.json"

COLUMNS = (
    "run_id", "suite", "task", "backbone", "baseline", "engine", "budget", "seed", "metric",
    "value", "unit", "n", "spread",
)  # fmt: skip
"""Columns of records.csv, in order."""

Name = Annotated[str, Field(max_length=1_000)]
Text = Annotated[str, Field(max_length=65_536)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Scalar = Annotated[Whole | FiniteFloat | bool | Text | None, Field(union_mode="left_to_right")]
Json = TypeAliasType(
    "Json",
    "bool | Whole | FiniteFloat | Text | Annotated[list[Json], Field(max_length=10_000)]"
    " | Annotated[dict[Name, Json], Field(max_length=10_000)] | None",
)
Settings = Annotated[dict[Name, Json], Field(max_length=100)]

METRICS, LINES, LAYERS, EPOCHS, CELLS = 5_000, 2_000, 20_000, 100_000, 1_000_000
"""The largest number of records, log lines or findings, layers, epochs and planned cells."""


@dataclass(slots=True, frozen=True, config=ConfigDict(extra="forbid"))
class Record:
    """One measured value: `n` is how many measurements it rests on, `spread` their spread."""

    task: Name
    backbone: Name
    baseline: Name
    engine: Name
    budget: Name
    seed: Whole | None
    metric: Name
    value: float
    unit: Name
    n: Count = 1
    spread: FiniteFloat | None = None


POSITIVE = (
    ("recipe", "epochs"), ("recipe", "batch_size"), ("recipe", "learning_rate"),
    ("measure", "timing_batch"), ("data", "limit"),
)  # fmt: skip
"""Settings that are reckoned with."""


class Config(BaseModel):
    """What decided the numbers of a run."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Json] = Field(init=False)

    kind: Name = ""
    task: Name
    backbone: Name = ""
    baselines: Annotated[list[Name], Field(min_length=1, max_length=1_000)]
    engine: Name = ""
    budget: Name = ""
    budget_reference: Name | None = None
    seed: Whole | None = None
    recipe: Settings = {}
    measure: Settings = {}
    data: Settings = {}
    options: Settings = {}
    code: dict[Name, Name] = {}
    numerics_version: Whole | None = None

    @model_validator(mode="after")
    def _numbers_are_numbers(self) -> Config:
        for section, name in POSITIVE:
            value = getattr(self, section).get(name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and value > 0):
                raise ValueError(f"{section}.{name} must be a number above 0")
        return self

    def plain(self) -> dict[str, Any]:
        """As it stands in the file."""
        return self.model_dump(exclude_unset=True)

    @property
    def baseline(self) -> str:
        """The one baseline of a training run; a timing run joins all it interleaves."""
        return "+".join(self.baselines)


class Data(BaseModel):
    """Which files a run read, and how they were split."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Json] = Field(init=False)

    files: Annotated[dict[Text, Text], Field(max_length=100_000)] = {}
    split_checksum: Name = ""
    split_rule: Text = ""
    partial: bool = False
    unofficial: bool = False
    note: Text | None = None


class Provenance(BaseModel):
    """Where and with what a run was made; what only some runs say stands in the extra fields."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Json] = Field(init=False)

    commit: Name | None = None
    device: Name | None = None
    kernel: Text | None = None
    kernel_fallbacks: Annotated[list[Text], Field(max_length=LINES)] = []
    threads: Whole | None = None
    versions: Annotated[dict[Name, Name], Field(max_length=1_000)] = {}
    data: Data = Data()
    counted_again: Provenance | None = None

    def plain(self) -> dict[str, Any]:
        """As it stands in the file."""
        return self.model_dump(exclude_unset=True)

    def extra(self, name: str) -> Any:
        """A field that only some runs have; None where it is not said."""
        return (self.__pydantic_extra__ or {}).get(name)

    @property
    def kernels(self) -> str:
        """The neurons' kernel, and where a slower one had to stand in for it."""
        found = [each for source in self.sources for each in _kernels(source)]
        return "; ".join(dict.fromkeys(found))

    @property
    def commits(self) -> tuple[str, ...]:
        """That of the run, and that of its counts where they were made later."""
        return tuple(dict.fromkeys(each.commit for each in self.sources if each.commit))

    @property
    def sources(self) -> list[Provenance]:
        """Itself, and that of the counts where they were made later."""
        return [self, *([self.counted_again] if self.counted_again else [])]


def _kernels(source: Provenance) -> list[str]:
    return [source.kernel or "", *source.kernel_fallbacks]


class Predictions(BaseModel):
    """Which test samples were right: hexadecimal of the bits in stored order, zero-filled."""

    correct: str = Field(default="", pattern=r"^([0-9a-f]{2})*$")
    n: Count = 0


def _counts_are_numbers(layer: dict[str, Any]) -> dict[str, Any]:
    for name, value in layer.items():
        if name == "layer" and not isinstance(value, str):
            raise ValueError("layer must be a text")
        if name != "layer" and isinstance(value, (str, bool)):
            raise ValueError(f"{name} must be a number")
    return layer


Layer = Annotated[dict[Name, Scalar], Field(max_length=100), AfterValidator(_counts_are_numbers)]
"""What one layer costs, by metric; `layer` is its name."""


class HealthFinding(BaseModel):
    """What a training did that it should not have."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Json] = Field(init=False)

    layer: Name = "?"
    what: Text = "?"
    value: Scalar = None


class Run(BaseModel):
    """One run file: a cell that finished or failed, with everything needed to judge it."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    checksum: Name = ""
    run_id: RunId
    suite: Name
    kind: Literal["train", "tune", "time"]
    status: Literal["done", "failed"]
    reason: Text | None = None
    log: Annotated[list[Text], Field(max_length=LINES)] = []
    config: Config
    provenance: Provenance = Provenance()
    records: Annotated[list[Record], Field(max_length=METRICS)] = []
    curves: Annotated[
        dict[Name, Annotated[list[FiniteFloat], Field(max_length=EPOCHS)]], Field(max_length=1_000)
    ] = {}
    health: Annotated[list[HealthFinding], Field(max_length=LINES)] = []
    findings: Annotated[list[Text], Field(max_length=LINES)] = []
    """Where the second count of the network differs."""
    unmeasured: Annotated[dict[Name, Text], Field(max_length=METRICS)] = {}
    """What could not be measured of a finished cell, each with the reason."""
    predictions: Predictions = Field(default_factory=Predictions)
    layers: Annotated[list[Layer], Field(max_length=LAYERS)] = []
    counts_version: Annotated[int, Field(ge=1, le=COUNTS_VERSION)] = 1
    """What its counts mean; a file that does not say is of the first version."""
    started: Name = ""
    seconds: Annotated[FiniteFloat, Field(ge=0)] = 0.0

    @classmethod
    def of(cls, **fields: Any) -> Run:
        """A run of plain values, checked as a file's are."""
        return cls.model_validate({"schema": SCHEMA, **fields})

    def document(self) -> dict[str, Any]:
        """As the file holds it, but for the checksum; nested parts say what was said of them."""
        document = self.model_dump(by_alias=True, exclude={"checksum"})
        nested = self.model_dump(
            include={"config", "provenance", "predictions", "health"}, exclude_unset=True
        )
        return document | nested

    @property
    def is_stale(self) -> bool:
        """Whether the run was made before the last fix that changed numbers."""
        config = self.config
        precision = config.recipe.get("precision")
        current = numerics_version(self.kind, config.baselines, config.backbone, precision)
        return config.numerics_version != current

    @property
    def counts_are_old(self) -> bool:
        """Whether its counts mean something else than today's."""
        counted = any(record.metric == "elementwise" for record in self.records)
        current = counts_version(self.config.baselines, self.config.backbone)
        return counted and self.counts_version < current

    @property
    def origin(self) -> str:
        """The id it was trained as: its own, but for a training whose network was counted again."""
        return str(self.provenance.sources[-1].extra("trained_as") or self.run_id)

    @property
    def training_started(self) -> str:
        """When it was trained; `started` is when its counts were, where they were made later."""
        return str(self.provenance.sources[-1].extra("training_started") or self.started)


class PlannedCell(BaseModel):
    """One cell of a plan; data and options tell rows apart where the plan says them."""

    run_id: RunId
    kind: Literal["train", "tune", "time"]
    task: Name
    backbone: Name = ""
    baseline: Annotated[str, Field(max_length=65_536)]
    engine: Name = ""
    budget: Name = ""
    seed: Whole | None = None
    data: Settings | None = None
    options: Settings | None = None


class Plan(BaseModel):
    """plan.json: what a suite file asked for when it was last run."""

    version: Literal[1] = Field(1, alias="schema")
    suite: Name = ""
    cells: Annotated[list[PlannedCell], Field(max_length=CELLS)] = []
