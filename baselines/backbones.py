"""The layer list of every task, as data; any baseline can fill any of them.

`liaf` and `plif` reconstruct the networks of the authors' code for the tasks of the LIAF and the
KLIF paper; `small` is sized for two processor cores; `tokens` reads stories. docs/baselines.md
has the sources.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

from liafbench.baselines import plugins, shapes, vocabularies
from liafbench.baselines.errors import UsageError, unknown
from liafbench.baselines.shapes import Frame
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
    return tuple(_of(task))


def get(task: str, backbone: str | None = None, *, layers: int | None = None) -> Backbone:
    """A task's backbone by name; None is its default; `layers` of units on tokens (1)."""
    known = _of(task)
    name = backbone or next(iter(known))
    if name not in known:
        raise unknown(f"backbone of {task}", name, known)
    if layers is None:
        return known[name]
    if name != "tokens":
        raise UsageError(f"`layers` is an option of the tokens backbone, not of {name!r}")
    return tokens(task, known[name].classes, layers)


def tasks() -> tuple[str, ...]:
    """Every task that has a backbone."""
    return (*shapes.STATIC, *shapes.EVENTS, *shapes.TOKENS)


def _of(task: str) -> dict[str, Backbone]:
    if task in shapes.TOKENS:
        return {"tokens": tokens(task, vocabularies.size(task))}
    if task not in tasks():
        return _outside(task)
    columns = {"liaf": LIAF, "plif": PLIF, "small": SMALL}
    return {name: column[task] for name, column in columns.items() if task in column}


def _outside(task: str) -> dict[str, Backbone]:
    """A task of another package brings its backbones with it."""
    found = plugins.find(plugins.TASK_GROUP, task)
    if found is None:
        raise unknown("task", task, tasks())
    if not hasattr(found, "networks"):
        raise UsageError(
            f"task {task!r} is a {type(found).__name__}; it must be a liafbench.bench.tasks.Task"
        )
    return found.networks(task)


def framed(
    name: str, task: str, frame: Frame, time_steps: int, stages: tuple[Stage, ...], **kwargs
) -> Backbone:
    """A backbone for frames, with a recurrence of 128 units and `small`'s neurons by default."""
    c, h, w, classes = frame
    return Backbone(name, task, c, h, w, time_steps, classes, stages, **kwargs)


# --- liaf: the four tasks of the LIAF paper ------------------------------------------------------


def _liaf(task: str, side: int, time_steps: int, *stages: Stage) -> Backbone:
    frame = shapes.binned(shapes.EVENTS[task], side)
    return framed("liaf", task, frame, time_steps, stages, recurrent_units=512)


LIAF = {
    "dvs128-gesture": _liaf(
        "dvs128-gesture", 32, 60,
        Conv(64), Conv(128), Pool("avg"), Conv(128), Pool("avg"), Dense(256), Dense(11),
    ),
    # The dense stages of these two are ReLU layers in the authors' code (BIDL).
    "mnist-dvs": _liaf(
        "mnist-dvs", 40, 20,
        Conv(32), Pool("max"), Conv(64), Pool("max"), Conv(128), Pool("max"),
        Dense(512, unit="relu"), Dense(128, unit="relu"), Dense(10, unit="none"),
    ),
    "cifar10-dvs": _liaf(
        "cifar10-dvs", 128, 10,
        Conv(32, kernel=5, stride=2), Pool("max"), Conv(64), Pool("max"), Conv(128), Pool("max"),
        Conv(256), Pool("max"), Conv(512), Pool("max"),
        Dense(512, unit="relu"), Dense(10, unit="none"),
    ),
}  # fmt: skip


# --- plif: the six tasks of the KLIF paper -------------------------------------------------------

PLIF_SPIKING = Spiking(
    alpha=0.5, gain=0.5, v_threshold=1.0, v_reset=0.0, surrogate="atan", detach_reset=True
)


def _plif_conv(channels: int) -> Conv:
    return Conv(channels, norm=True, bias=False)


def _plif_dense(features: int) -> Dense:
    return Dense(features, bias=False)


def _plif(task: str, frame: Frame, time_steps: int, *stages: Stage) -> Backbone:
    voted = (*stages, _plif_dense(10 * frame.classes), Vote(10))
    return framed("plif", task, frame, time_steps, voted, spiking=PLIF_SPIKING, recurrent_units=512)


def _plif_pooled(pools: int, dense: int) -> tuple[Stage, ...]:
    convs = (_plif_conv(128), Pool("max")) * pools
    return (*convs, Dropout(), _plif_dense(dense), Dropout())


_PLIF_CIFAR10 = ((_plif_conv(256),) * 3 + (Pool("max"),)) * 2

PLIF = {
    "mnist": _plif("mnist", shapes.STATIC["mnist"], 8, *_plif_pooled(2, 2048)),
    "fashion-mnist": _plif(
        "fashion-mnist", shapes.STATIC["fashion-mnist"], 8, *_plif_pooled(2, 2048)
    ),
    "cifar10": _plif(
        "cifar10", shapes.STATIC["cifar10"], 8, *_PLIF_CIFAR10, Dropout(), _plif_dense(2048)
    ),
    "nmnist": _plif("nmnist", shapes.EVENTS["nmnist"], 10, *_plif_pooled(2, 2048)),
    "cifar10-dvs": _plif("cifar10-dvs", shapes.EVENTS["cifar10-dvs"], 20, *_plif_pooled(4, 2048)),
    "dvs128-gesture": _plif(
        "dvs128-gesture", shapes.EVENTS["dvs128-gesture"], 20, *_plif_pooled(5, 512)
    ),
}


# --- small: any image or event task --------------------------------------------------------------


def small(task: str, frame: Frame, time_steps: int) -> Backbone:
    """Two convolutions, two dense layers, for any image or event task."""

    def conv(channels: int) -> Conv:
        # BatchNorm has a bias of its own.
        return Conv(channels, norm=True, bias=False)

    stages = (
        conv(8), Pool("avg"), conv(16), Pool("avg"), Dense(128), Dense(frame.classes, unit="none"),
    )  # fmt: skip
    return framed("small", task, frame, time_steps, stages)


def _small_frame(sensor: Frame) -> Frame:
    return shapes.binned(sensor, 32) if sensor.height == 128 else sensor


SMALL = {
    **{task: small(task, frame, 4) for task, frame in shapes.STATIC.items()},
    **{task: small(task, _small_frame(frame), 10) for task, frame in shapes.EVENTS.items()},
}


# --- tokens: stories -----------------------------------------------------------------------------

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
