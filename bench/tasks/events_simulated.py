"""MNIST and Fashion-MNIST as simulated events: the images move in front of a simulated sensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from liafbench.bench.events.cache import FrameCache, code_version
from liafbench.bench.events.simulation import Saccades, simulate
from liafbench.bench.tasks import mnist
from liafbench.bench.tasks.common.images import RULE
from liafbench.bench.tasks.common.samples import Frames
from liafbench.bench.tasks.common.splits import Splits, hold_out
from liafbench.bench.tasks.common.task import Shape, Source, Task

SUFFIX = "-events-simulated"
SACCADES = Saccades(mnist.SIDE)
CHUNK = 256


def chunks(parts: Sequence[np.ndarray], saccades: Saccades) -> Iterator[np.ndarray]:
    """Simulated frames of uint8 images, part by part, some images at a time."""
    for images in parts:
        for start in range(0, len(images), CHUNK):
            yield simulate(images[start : start + CHUNK] / 255, saccades)


def saccades_of(_backbone: str, *, contrast: float, frames: int, amplitude: float) -> Saccades:
    """The simulated recording that the options of the task ask for."""
    return Saccades(mnist.SIDE, frames=frames, contrast=contrast, amplitude=amplitude)


def read(source: Source, **options: Any) -> Splits:
    """Splits of the simulated events; a higher `contrast` threshold gives fewer events."""
    training, tested = mnist.read_part(source, "train"), mnist.read_part(source, "test")
    train_images = training.images[: source.limit]
    train_labels = training.labels[: source.limit]
    saccades = saccades_of(source.backbone, **options)
    files = training.files | tested.files
    parts = (train_images, tested.images)
    shape = (sum(map(len, parts)), saccades.frames, 2, saccades.sensor, saccades.sensor)
    key = [files, len(train_images), asdict(saccades), code_version(__file__, mnist.__file__)]
    entry = FrameCache().get(key, shape, lambda _: chunks(parts, saccades))
    names = [f"train/{n}" for n in range(len(train_images))]
    names += [f"test/{n}" for n in range(len(tested.images))]
    samples = Frames(entry.frames, names)
    held = hold_out(train_labels)
    labels = np.concatenate([train_labels, tested.labels])
    rows = np.arange(len(labels))
    fit, testing = rows[: len(train_labels)], rows[len(train_labels) :]
    unofficial = (training.note, tested.note)
    return Splits.of(
        samples,
        labels,
        (fit[~held], fit[held], testing),
        files=files,
        rule=RULE,
        transform=str(saccades),
        notes=("simulated events", *unofficial, source.limited("training images")),
        unofficial=any(unofficial),
    )


def _task(original: Task) -> Task:
    return Task(
        name=original.name + SUFFIX,
        title=f"{original.title}, as simulated events",
        kind="events",
        train_samples=original.train_samples,
        classes=original.classes,
        citation=original.citation,
        bibtex=original.bibtex,
        read=read,
        folder=original.folder,
        shapes={"small": Shape(SACCADES.frames, 2, SACCADES.sensor, SACCADES.sensor)},
        options={
            "contrast": SACCADES.contrast,
            "frames": SACCADES.frames,
            "amplitude": SACCADES.amplitude,
        },
        check_options=saccades_of,
        files=original.files,
        size=original.size,
        how_to_get=original.how_to_get,
    )


TASKS = tuple(_task(original) for original in mnist.TASKS)
