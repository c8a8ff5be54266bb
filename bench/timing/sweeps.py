"""What the throughput suite measures, most important first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bench.timing.options import Options
from bench.timing.peers import Contender

Mode = Literal["inference", "training"]
SPIKING = ("lif-snn", "liaf-net", "klif")
OTHERS = ("lstm", "gru", "conv-lstm", "conv3d", "cnn")
SHAPES = {
    "cpu": (("nmnist", "small"), ("fashion-mnist", "small"), ("digits-dvs", "small")),
    "cuda": (("nmnist", "plif"), ("dvs128-gesture", "liaf"), ("cifar10", "plif")),
}
"""Three shapes a device has something to do with: (task, backbone)."""
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
    options: Options
    entrants: tuple[Entrant, ...]

    @property
    def label(self) -> str:
        return f"{self.mode} {self.task} ({self.backbone}), {self.options.label}"

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
            "measure": {
                "mode": self.mode,
                "batch": batch,
                "entrants": [entrant.name for entrant in self.entrants],
                **self.options.to_dict(),
            },
        }


def point_id(config: dict[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of the configuration."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plan(device: str) -> Iterator[Sweep]:
    """All sweeps of a device in order of priority.

    First the spiking baselines, native against spikingjelly, in float32 and bfloat16; then the
    other baselines; then every other way to run a peer; then layout and compilation for all.
    """
    float32, bfloat16 = Options(device), Options(device, "bfloat16")
    engines = _entrants(SPIKING, "native", "spikingjelly")
    for options in (float32, bfloat16):
        yield from _sweeps(device, options, engines)
    yield from _sweeps(device, float32, (*_entrants(SPIKING, "native"), *_entrants(OTHERS)))
    ways = _entrants(
        ("lif-snn",), "native", "native+compile", "spikingjelly", "spikingjelly+compile",
        "snntorch", "snntorch+loop", "reference",
    )  # fmt: skip
    yield from _sweeps(device, float32, ways)
    for options in (
        Options(device, channels_last=True),
        Options(device, "bfloat16", channels_last=True),
        Options(device, compiled=True),
    ):
        yield from _sweeps(device, options, engines)


def _sweeps(device: str, options: Options, entrants: tuple[Entrant, ...]) -> Iterator[Sweep]:
    for task, backbone in SHAPES[device]:
        yield Sweep(task, backbone, "training", options, entrants)
        yield Sweep(task, backbone, "inference", options, entrants)


def _entrants(baselines: tuple[str, ...], *engines: str) -> tuple[Entrant, ...]:
    return tuple(
        Entrant(baseline, Contender.parse(engine))
        for baseline in baselines
        for engine in engines or ("native",)
    )
