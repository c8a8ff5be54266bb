"""Shapes of the tasks as the backbones see them: channels, height, width, classes."""

from __future__ import annotations

from typing import NamedTuple


class Frame(NamedTuple):
    """One time step of one sample, and the number of classes to tell apart."""

    channels: int
    height: int
    width: int
    classes: int = 10


STATIC = {
    "mnist": Frame(1, 28, 28),
    "fashion-mnist": Frame(1, 28, 28),
    "cifar10": Frame(3, 32, 32),
}
"""Images, repeated over the time steps."""

DIGITS_DVS_SIDE = 16
EVENTS = {
    "nmnist": Frame(2, 34, 34),
    "digits-dvs": Frame(2, DIGITS_DVS_SIDE, DIGITS_DVS_SIDE),
    "mnist-events-simulated": Frame(2, 32, 32),
    "fashion-mnist-events-simulated": Frame(2, 32, 32),
    "mnist-dvs": Frame(2, 128, 128),
    "cifar10-dvs": Frame(2, 128, 128),
    "dvs128-gesture": Frame(2, 128, 128, classes=11),
}
"""Event cameras: the sensor (after the margin, where the events are simulated)."""

TOKENS = (*(f"babi-qa{i}" for i in range(1, 21)), "babi", "babi-sim")
"""Stories with a question, one token per time step; the classes are the vocabulary."""


def binned(sensor: Frame, side: int) -> Frame:
    """The sensor scaled by area to side x side."""
    return sensor._replace(height=side, width=side)
