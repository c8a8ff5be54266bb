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
from liafbench.bench.tasks.common.splits import Split, Splits, hold_out, split_checksum
from liafbench.bench.tasks.common.task import Shape, Source, Task

SUFFIX = "-events-simulated"
SACCADES = Saccades(mnist.SIDE)
CHUNK = 256


def chunks(parts: Sequence[np.ndarray], saccades: Saccades) -> Iterator[np.ndarray]:
    """Simulated frames of uint8 images, part by part, some images at a time."""
    for images in parts:
        for start in range(0, len(images), CHUNK):
            yield simulate(images[start : start + CHUNK] / 255, saccades)


def read(source: Source, *, contrast: float, frames: int, amplitude: float) -> Splits:
    """Splits of the simulated events; a higher `contrast` threshold gives fewer events."""
    training, tested = mnist.read_part(source, "train"), mnist.read_part(source, "test")
    train_images = training.images[: source.limit]
    train_labels = training.labels[: source.limit]
    saccades = Saccades(mnist.SIDE, frames=frames, contrast=contrast, amplitude=amplitude)
    files = training.files | tested.files
    parts = (train_images, tested.images)
    shape = (sum(map(len, parts)), frames, 2, saccades.sensor, saccades.sensor)
    key = [files, len(train_images), asdict(saccades), code_version(__file__, mnist.__file__)]
    entry = FrameCache().get(key, shape, lambda _: chunks(parts, saccades))
    names = [f"train/{n}" for n in range(len(train_images))]
    names += [f"test/{n}" for n in range(len(tested.images))]
    samples = Frames(entry.frames, names)
    held = hold_out(train_labels)
    labels = np.concatenate([train_labels, tested.labels])
    rows = np.arange(len(labels))
    fit, testing = rows[: len(train_labels)], rows[len(train_labels) :]
    train, validation, test = (
        Split(samples, part, labels[part]) for part in (fit[~held], fit[held], testing)
    )
    limited = f"first {source.limit} training images" if source.limit else ""
    provenance: dict[str, Any] = {
        "files": files,
        "split_rule": RULE,
        "split_checksum": split_checksum(train, validation, test),
        "transform": str(saccades),
        "partial": False,
        "unofficial": bool(training.note or tested.note),
        "note": "; ".join(filter(None, ("simulated events", training.note, tested.note, limited))),
    }
    return Splits(train, validation, test, provenance)


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
        files=original.files,
        size=original.size,
        how_to_get=original.how_to_get,
    )


TASKS = tuple(_task(original) for original in mnist.TASKS)
