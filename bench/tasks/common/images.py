"""Splits of an image set with an official test set: validation is taken from train by rule."""

from __future__ import annotations

import numpy as np

from liafbench.bench.tasks.common.samples import Images
from liafbench.bench.tasks.common.splits import Split, Splits, described, hold_out
from liafbench.bench.tasks.common.task import Source

RULE = "official test set; validation: every tenth training image of each class, in stored order"


def image_splits(
    source: Source,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    files: dict[str, str],
    subset: str = "",
    unofficial: str = "",
) -> Splits:
    """Splits of (pixels [N, C, H, W], labels [N]) pairs, the first `limit` training images only.

    `subset` says what is there of a set that is not complete, `unofficial` what is not the
    official one.
    """
    time_steps = source.shape.time_steps
    pixels, labels = train[0][: source.limit], train[1][: source.limit]
    held = hold_out(labels)
    training = Images(pixels, time_steps, "train")
    testing = Images(test[0], time_steps, "test")
    rows = np.arange(len(labels))
    return described(
        Split(training, rows[~held], labels[~held]),
        Split(training, rows[held], labels[held]),
        Split(testing, np.arange(len(test[1])), test[1]),
        files=files,
        rule=RULE,
        transform=f"pixels / 255, repeated over {time_steps} time steps",
        notes=(subset, unofficial, source.limited("training images")),
        partial=bool(subset),
        unofficial=bool(unofficial),
    )
