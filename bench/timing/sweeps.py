"""What the throughput suite measures, most important first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from liafbench.baselines import backbones
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError
from liafbench.bench.execution import Execution
from liafbench.bench.only import Only
from liafbench.bench.timing.peers import Contender

SUITE = "throughput"
Mode = Literal["inference", "training"]
SPIKING = ("lif-snn", "liaf-net", "klif")
OTHERS = ("lstm", "gru", "conv-lstm", "conv3d", "cnn")
SHAPES = {
    "cpu": (("nmnist", "small"), ("fashion-mnist", "small"), ("digits-dvs", "small")),
    "cuda": (("nmnist", "plif"), ("dvs128-gesture", "liaf"), ("cifar10", "plif")),
}
"""Three shapes a device has something to do with: (task, backbone)."""
CHOICES = ("task", "backbone", "mode", "precision", "baseline", "engine")
BATCHES = {
    "cpu": (1, 4, 16, 64, 256, 1024),
    "cuda": (1, 4, 16, 64, 256, 1024, 4096, 16384),
}


@dataclass(frozen=True)
class Entrant:
    """A baseline run by an engine in one way."""

    baseline: str
    contender: Contender

    @property
    def name(self) -> str:
        return f"{self.baseline}/{self.contender.name}"


@dataclass(frozen=True)
class Sweep:
    """Entrants that are interleaved at every batch size; ratios are to the first."""

    task: str
    backbone: str
    mode: Mode
    execution: Execution
    entrants: tuple[Entrant, ...]

    @property
    def label(self) -> str:
        return f"{self.mode} {self.task} ({self.backbone}), {self.execution.label}"

    def config(self, batch: int) -> dict[str, Any]:
        """Everything that says what one point of the sweep is, as JSON values."""
        return {
            "kind": "time",
            "task": self.task,
            "backbone": self.backbone,
            "baselines": list(dict.fromkeys(entrant.baseline for entrant in self.entrants)),
            "engine": "+".join(
                dict.fromkeys(entrant.contender.engine for entrant in self.entrants)
            ),
            "budget": "equal-backbone",
            "seed": None,
            # Rows of a table are told apart by their options.
            "options": {
                "mode": self.mode,
                "batch": batch,
                "precision": self.execution.precision,
                "channels_last": self.execution.channels_last,
                "compiled": self.execution.compiled,
            },
            "measure": {
                "device": self.execution.device,
                "entrants": [entrant.name for entrant in self.entrants],
            },
        }


def point_id(config: dict[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of the configuration."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plan(device: str) -> Iterator[Sweep]:
    """All sweeps of a device in order of priority.

    First the spiking baselines, native against spikingjelly, in float32 and bfloat16; then the
    other baselines; then every other way to run a peer; then layout and compilation for all; at
    the end every other task and backbone, which `--only` brings forward.
    """
    float32, bfloat16 = Execution(device), Execution(device, "bfloat16")
    engines = _entrants(SPIKING, "native", "spikingjelly")
    for options in (float32, bfloat16):
        yield from _sweeps(device, options, engines)
    yield from _sweeps(device, float32, (*_entrants(SPIKING, "native"), *_entrants(OTHERS)))
    ways = _entrants(
        ("lif-snn",), "native", "native+compile", "spikingjelly", "spikingjelly+compile",
        "spikingjelly+kernels", "snntorch", "snntorch+loop", "reference",
    )  # fmt: skip
    yield from _sweeps(device, float32, ways)
    for options in (
        Execution(device, channels_last=True),
        Execution(device, "bfloat16", channels_last=True),
        Execution(device, compiled=True),
    ):
        yield from _sweeps(device, options, engines)
    everybody = (*_entrants(SPIKING, *ENGINES), *_entrants(OTHERS))
    rest = [shape for shape in _all_shapes() if shape not in SHAPES[device]]
    yield from _sweeps(device, float32, everybody, rest)
    yield from _sweeps(device, bfloat16, everybody, rest)


def chosen(sweeps: Iterable[Sweep], only: Only) -> Iterator[Sweep]:
    """The sweeps that `only` asks for, by the keys of `CHOICES`, with the entrants it asks for.

    UsageError for another key, for a value that no sweep has, and when nothing is left.
    """
    sweeps = list(sweeps)
    only.check(SUITE, CHOICES, (_named(sweep, e) for sweep in sweeps for e in sweep.entrants))
    found = False
    for sweep in sweeps:
        entrants = tuple(each for each in sweep.entrants if only.takes(_named(sweep, each)))
        if entrants:
            found = True
            yield replace(sweep, entrants=entrants)
    if not found:
        raise UsageError(f"suite {SUITE} {only}: it has no such measurement")


def _named(sweep: Sweep, entrant: Entrant) -> dict[str, str]:
    return {
        "task": sweep.task,
        "backbone": sweep.backbone,
        "mode": sweep.mode,
        "precision": sweep.execution.precision,
        "baseline": entrant.baseline,
        "engine": entrant.contender.name,
    }


def _all_shapes() -> list[tuple[str, str]]:
    return [(task, name) for task in backbones.tasks() for name in backbones.names(task)]


def _sweeps(
    device: str,
    execution: Execution,
    entrants: tuple[Entrant, ...],
    shapes: Iterable[tuple[str, str]] | None = None,
) -> Iterator[Sweep]:
    for task, backbone in SHAPES[device] if shapes is None else shapes:
        yield Sweep(task, backbone, "training", execution, entrants)
        yield Sweep(task, backbone, "inference", execution, entrants)


def _entrants(baselines: tuple[str, ...], *engines: str) -> tuple[Entrant, ...]:
    return tuple(
        Entrant(baseline, Contender.parse(engine))
        for baseline in baselines
        for engine in engines or ("native",)
    )
