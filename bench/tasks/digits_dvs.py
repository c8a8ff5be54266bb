"""digits-dvs: the 1,797 handwritten digits of scikit-learn as simulated events, embedded."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from liafbench.bench.events.simulation import Saccades, simulate
from liafbench.bench.tasks.common.samples import Frames
from liafbench.bench.tasks.common.splits import Splits, hold_out
from liafbench.bench.tasks.common.task import Shape, Source, Task

SIDE, MARGIN, FRAMES, MICRO_STEPS = 12, 2, 10, 3
CONTRAST, AMPLITUDE = 1.2, 2.5
TEST_OF = 5  # one in five
RULE = "per class, in stored order: every fifth digit is test, of the others every tenth validation"


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images [1797, 8, 8] in [0, 1] and their labels."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images / 16, bunch.target


def saccades_of(_backbone: str, *, contrast: float, frames: int, amplitude: float) -> Saccades:
    """The simulated recording that the options of the task ask for."""
    return Saccades(SIDE, MARGIN, frames, MICRO_STEPS, contrast, amplitude)


def read(source: Source, **options: Any) -> Splits:
    """Splits of the simulated events; a higher `contrast` threshold gives fewer events."""
    images, labels = digits()
    saccades = saccades_of(source.backbone, **options)
    names = [f"digit {number}" for number in range(len(labels))]
    samples = Frames(simulate(images, saccades), names)
    rows = np.arange(len(labels))
    testing = hold_out(labels, TEST_OF)
    fit = rows[~testing][: source.limit]
    held = hold_out(labels[fit])
    return Splits.of(
        samples,
        labels,
        (fit[~held], fit[held], rows[testing]),
        files={"sklearn.datasets.load_digits": hashlib.sha256(images.tobytes()).hexdigest()},
        rule=RULE,
        transform=str(saccades),
        notes=[source.limited("training digits")],
    )


TASKS = (
    Task(
        name="digits-dvs",
        title="digits-dvs, handwritten digits as simulated events",
        kind="events",
        classes=10,
        embedded=True,
        train_samples=1302,
        options={"contrast": CONTRAST, "frames": FRAMES, "amplitude": AMPLITUDE},
        check_options=saccades_of,
        shapes={"small": Shape(FRAMES, 2, SIDE + 2 * MARGIN, SIDE + 2 * MARGIN)},
        citation="alpaydin1998optical",
        bibtex="""@misc{alpaydin1998optical,
  author = {Alpaydin, Ethem and Kaynak, Cenk},
  title = {Optical recognition of handwritten digits},
  howpublished = {UCI Machine Learning Repository}, year = {1998},
  doi = {10.24432/C50P49}
}""",
        read=read,
    ),
)
