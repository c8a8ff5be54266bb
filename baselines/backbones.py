"""Layer lists as data; any baseline can fill any of them. Every task names its own.

`liaf` and `plif` reconstruct the networks of the authors' code for the tasks of the LIAF and the
KLIF paper; `small` is sized for two processor cores; `tokens` reads stories. docs/baselines.md
has the sources.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from liafbench.baselines.errors import UsageError
from liafbench.baselines.stages import (
    Conv,
    Dense,
    Dropout,
    Embed,
    Placed,
    Pool,
    Shape,
    Stage,
    Vote,
    scaled_count,
    walk,
)
from liafbench.baselines.stages import scaled as scaled_stages

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Spiking:
    """What LIF, LIAF and KLIF share within a backbone: H[t] = alpha*R[t-1] + gain*X[t]."""

    alpha: float = 0.3
    gain: float = 1.0
    v_threshold: float = 0.5
    v_reset: float | None = 0.0
    surrogate: str = "rect"
    detach_reset: bool = False
    learnable_alpha: bool = False
    """Whether every unit has a leak of its own that is trained."""


SPIKING_OPTIONS = tuple(field.name for field in fields(Spiking))
"""Options of every spiking baseline: the neuron settings of its backbone, overridden."""


@dataclass(frozen=True)
class Backbone:
    """A task's stages with the input they are made for; hashable, so that it can be a key."""

    name: str
    task: str
    channels: int
    height: int
    width: int
    time_steps: int
    """Of a training sample; for tokens a nominal length, real stories differ."""
    classes: int
    stages: tuple[Stage, ...]
    spiking: Spiking = Spiking()
    recurrent_units: int = 128
    """Hidden units of LSTM and GRU."""
    readout: Literal["mean", "last"] = "mean"
    """Of a spiking network: the mean over time, or the last step."""

    @property
    def tokens(self) -> bool:
        """Whether the input is [T, B] token indices and not [T, B, C, H, W] frames."""
        return any(isinstance(stage, Embed) for stage in self.stages)

    @property
    def sample_shape(self) -> Shape:
        """Of one sample at one step."""
        return () if self.tokens else (self.channels, self.height, self.width)

    def places(self) -> list[Placed]:
        """The stages with names and shapes; UsageError when they do not fit together."""
        places = list(walk(self.stages, self.sample_shape))
        if not any(place.classifier for place in places):
            raise UsageError(f"backbone {self.name!r} has no dense stage that could classify")
        if places[-1].shape_out != (self.classes,):
            raise UsageError(
                f"backbone {self.name!r} ends in {places[-1].shape_out} outputs; "
                f"{self.task} has {self.classes} classes"
            )
        return places

    def scaled(self, width: float) -> Backbone:
        """The same backbone with hidden channels, features and units times `width`."""
        units = scaled_count(self.recurrent_units, width)
        return replace(self, stages=scaled_stages(self.stages, width), recurrent_units=units)

    def example(self, batch: int = 1, time_steps: int | None = None) -> Tensor:
        """An input of the right shape, made without touching torch's random state."""
        import torch

        steps = self.time_steps if time_steps is None else time_steps
        generator = torch.Generator().manual_seed(0)
        if self.tokens:
            return torch.randint(1, self.classes, (steps, batch), generator=generator)
        return torch.rand(steps, batch, *self.sample_shape, generator=generator)


def names(task: str) -> tuple[str, ...]:
    """The backbones of a task, its default first."""
    return _registry().get(task).backbones


def get(task: str, backbone: str | None = None, *, layers: int | None = None) -> Backbone:
    """A task's backbone by name; None is its default; `layers` of units on tokens (1)."""
    return _registry().get(task).network(backbone, layers)


def tasks() -> tuple[str, ...]:
    """The tasks that come with the suite."""
    return tuple(_registry().TASKS)


def _registry() -> Any:
    """Where tasks are found by name. Only here does a baseline meet a task."""
    return import_module("liafbench.bench.tasks")


@dataclass(frozen=True)
class Design:
    """What a backbone is before a task gives it its input: its stages and what its units share."""

    stages: tuple[Stage, ...]
    spiking: Spiking = Spiking()
    recurrent_units: int = 128

    def on(self, task: str, name: str, shape: tuple[int, int, int, int], classes: int) -> Backbone:
        """The backbone for samples of `shape`: time steps, channels, height and width."""
        steps, channels, height, width = shape
        return Backbone(
            name, task, channels, height, width, steps, classes,
            self.stages, self.spiking, self.recurrent_units,
        )  # fmt: skip


def liaf(*stages: Stage) -> Design:
    """A network of the LIAF paper."""
    return Design(stages, recurrent_units=512)


PLIF_SPIKING = Spiking(
    alpha=0.5, gain=0.5, v_threshold=1.0, v_reset=0.0, surrogate="atan", detach_reset=True
)


def plif(*stages: Stage, classes: int) -> Design:
    """A network of the KLIF paper: its stages, then ten voters for each class."""
    voted = (*stages, Dense(10 * classes, bias=False), Vote(10))
    return Design(voted, PLIF_SPIKING, recurrent_units=512)


def plif_pooled(pools: int, dense: int) -> tuple[Stage, ...]:
    """The stages of all these networks but one: 128 channels before each pooling."""
    convolutions = (Conv(128, norm=True, bias=False), Pool("max")) * pools
    return (*convolutions, Dropout(), Dense(dense, bias=False), Dropout())


def small(classes: int) -> Design:
    """Two convolutions, two dense layers, for any image or event task."""

    def conv(channels: int) -> Conv:
        # BatchNorm has a bias of its own.
        return Conv(channels, norm=True, bias=False)

    return Design(
        (conv(8), Pool("avg"), conv(16), Pool("avg"), Dense(128), Dense(classes, unit="none"))
    )


TOKENS_SPIKING = Spiking(alpha=0.9, v_threshold=0.5, v_reset=None, learnable_alpha=True)
TOKENS_TIME_STEPS = 64


def tokens(task: str, size: int, layers: int = 1) -> Backbone:
    """An embedding and units over stories of `size` words; the answer is one of the words."""
    if layers < 1:
        raise UsageError(f"layers must be at least 1, not {layers}")
    # A bias would drive the units during padding, so that a story's result would depend on it.
    units = [Dense(100, bias=False)] * layers
    stages: tuple[Stage, ...] = (Embed(50, size), *units, Dense(size, unit="none"))
    return Backbone(
        "tokens", task, 0, 0, 0, TOKENS_TIME_STEPS, size, stages,
        spiking=TOKENS_SPIKING, recurrent_units=100, readout="last",
    )  # fmt: skip
