"""Simulated events against a pixel followed by hand, and the properties of the sensor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liafbench.baselines.errors import UsageError
from liafbench.bench.events import simulation
from liafbench.bench.events.simulation import FLOOR, OFF, ON, Saccades, simulate


def test_one_pixel_followed_by_hand(monkeypatch):
    monkeypatch.setattr(simulation, "CORNERS", ((0.0, 0.0), (0.0, 1.0)))
    saccades = Saccades(side=3, margin=1, frames=4, micro_steps=2, contrast=0.5, amplitude=2.0)
    image = np.array([[[0.0, 0.0, 0.0], [0.2, 1.0, 0.4], [0.0, 0.0, 0.0]]])
    frames = simulate(image, saccades)  # a row up: row 1 of the sensor sees row 1 of the image
    columns = np.linspace(-1, 1, 9)
    for pixel in range(5):
        seen = [
            float(np.interp(pixel - 1 - offset, range(-1, 4), [0, *image[0, 1], 0], 0, 0))
            for offset in columns
        ]
        levels = [math.log(value + FLOOR) for value in seen]
        memory, expected = levels[0], np.zeros((4, 2))
        for step, level in enumerate(levels[1:]):
            while level - memory >= 0.5 * (1 - 1e-9):
                memory += 0.5
                expected[step // 2, ON] += 1
            while memory - level >= 0.5 * (1 - 1e-9):
                memory -= 0.5
                expected[step // 2, OFF] += 1
        assert frames[0, :, :, 1, pixel].tolist() == expected.tolist()


def test_no_motion_or_an_even_image_gives_no_event():
    rng = np.random.default_rng(0)
    assert simulate(rng.random((2, 8, 8)), Saccades(8, amplitude=0.0)).sum() == 0
    assert simulate(np.zeros((1, 8, 8)), Saccades(8)).sum() == 0


def test_a_higher_threshold_gives_fewer_events():
    images = np.random.default_rng(0).random((4, 8, 8))
    counts = [simulate(images, Saccades(8, contrast=c)).sum() for c in (0.2, 0.5, 1.0, 2.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0] / 2


def test_the_same_images_give_the_same_events_alone_and_in_company():
    images = np.random.default_rng(0).random((5, 8, 8))
    saccades = Saccades(12)
    together = simulate(images, saccades)
    assert together.shape == (5, 10, 2, 16, 16)
    assert np.array_equal(together, simulate(images, saccades))
    for number in range(5):
        assert np.array_equal(
            together[number : number + 1], simulate(images[number : number + 1], saccades)
        )


def test_what_is_out_of_reach_of_the_moving_image_stays_dark():
    frames = simulate(np.ones((1, 6, 6)), Saccades(6, margin=4, amplitude=2.0))
    assert frames.sum() > 0
    assert frames[..., :2, :].sum() == frames[..., :, -2:].sum() == 0


@pytest.mark.parametrize("settings", [{"contrast": 0.0}, {"contrast": math.nan}, {"frames": 0}])
def test_settings_that_make_no_sense(settings):
    with pytest.raises(UsageError):
        Saccades(8, **settings)
