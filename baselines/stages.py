"""The stages a backbone is written in, and how shapes pass through them.

A stage is data. What it becomes is the baseline's business: a `Conv` is a convolution and a
neuron in a spiking network, a ConvLSTM in ConvLSTM, a 3-D convolution in Conv3D.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from liafbench.baselines.errors import UsageError

Unit = Literal["neuron", "relu", "none"]
"""What follows a synapse: the baseline's temporal unit, a ReLU at each step, or nothing."""

Shape = tuple[int, ...]
"""Of one sample at one step: (channels, height, width), (features,), or () for a token."""


@dataclass(frozen=True)
class Conv:
    """kernel x kernel convolution, padding kernel // 2; `norm` puts a BatchNorm behind it."""

    channels: int
    kernel: int = 3
    stride: int = 1
    norm: bool = False
    bias: bool = True
    unit: Unit = "neuron"


@dataclass(frozen=True)
class Pool:
    """Spatial pooling with stride `size`."""

    kind: Literal["avg", "max"]
    size: int = 2


@dataclass(frozen=True)
class Dense:
    """Fully connected; the frame is flattened first where it is not flat yet."""

    features: int
    bias: bool = True
    unit: Unit = "neuron"


@dataclass(frozen=True)
class NeuronOnly:
    """A neuron on its input, without a synapse."""


@dataclass(frozen=True)
class Dropout:
    """One mask per sample, held over the time steps."""

    p: float = 0.5


@dataclass(frozen=True)
class Vote:
    """Average of `size` neighbouring outputs per class."""

    size: int = 10


PADDING = 0
"""The token before the first word of a story shorter than the others."""


@dataclass(frozen=True)
class Embed:
    """Tokens to vectors of `features` drawn from N(0, 1); padding is embedded as zero."""

    features: int
    vocabulary: int


Stage = Conv | Pool | Dense | NeuronOnly | Dropout | Vote | Embed


@dataclass(frozen=True)
class Placed:
    """A stage at its place: its name in the network and the shapes around it."""

    name: str
    stage: Stage
    shape_in: Shape
    shape_out: Shape
    classifier: bool
    """Whether this is the last dense stage, the one that yields class scores."""


def walk(stages: tuple[Stage, ...], shape: Shape) -> Iterator[Placed]:
    """The stages in order, named (conv1, pool1, dense1, ... classifier) and with their shapes."""
    last = max((i for i, stage in enumerate(stages) if isinstance(stage, Dense)), default=-1)
    seen: dict[str, int] = {}
    for i, stage in enumerate(stages):
        kind = type(stage).__name__.lower()
        seen[kind] = seen.get(kind, 0) + 1
        name = "classifier" if i == last else f"{kind}{seen[kind]}"
        after = _shape_after(stage, shape, name)
        yield Placed(name, stage, shape, after, i == last)
        shape = after


def before_dense(places: list[Placed]) -> tuple[list[Placed], list[Placed]]:
    """The places up to the first dense stage, and those from it on."""
    first = next(i for i, place in enumerate(places) if isinstance(place.stage, Dense))
    return places[:first], places[first:]


def scaled(stages: tuple[Stage, ...], width: float) -> tuple[Stage, ...]:
    """The stages with channels and features times `width`; embedding and classifier stay."""
    last = max((i for i, stage in enumerate(stages) if isinstance(stage, Dense)), default=-1)
    return tuple(stage if i == last else _widened(stage, width) for i, stage in enumerate(stages))


def scaled_count(count: int, width: float) -> int:
    """`count` times `width`, rounded, at least 1."""
    return max(1, round(count * width))


def _widened(stage: Stage, width: float) -> Stage:
    match stage:
        case Conv():
            return replace(stage, channels=scaled_count(stage.channels, width))
        case Dense():
            return replace(stage, features=scaled_count(stage.features, width))
    return stage


def _shape_after(stage: Stage, shape: Shape, name: str) -> Shape:
    match stage:
        case Conv() | Pool() if len(shape) != 3:
            raise UsageError(f"stage {name} needs frames (channels, height, width), gets {shape}")
        case Conv():
            side = [
                (n + 2 * (stage.kernel // 2) - stage.kernel) // stage.stride + 1 for n in shape[1:]
            ]
            return (stage.channels, *side)
        case Pool():
            side = [n // stage.size for n in shape[1:]]
            if min(side) < 1:
                raise UsageError(f"stage {name} pools frames of {shape[1]}x{shape[2]} to nothing")
            return (shape[0], *side)
        case Dense() | Embed():
            return (stage.features,)
        case Vote() if len(shape) != 1 or shape[0] % stage.size:
            raise UsageError(f"stage {name} cannot vote by {stage.size} over a shape of {shape}")
        case Vote():
            return (shape[0] // stage.size,)
    return shape
