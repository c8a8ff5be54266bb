"""Events simulated from images: saccades in front of a sensor with a log-intensity threshold.

A pixel remembers the log intensity L = log(I + 0.05) of its last event and emits one ON (OFF)
event for every full `contrast` by which L has risen (fallen) since, as a dynamic vision sensor
does. The image moves along a path of two straight saccades.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from liafbench.baselines.errors import UsageError
from liafbench.bench.events.frames import LARGEST

FLOOR = 0.05
CORNERS = ((0.0, 0.0), (1.0, 0.5), (0.0, 1.0))  # rows, columns, in amplitudes
OFF, ON = 0, 1


@dataclass(frozen=True)
class Saccades:
    """A simulated recording: `frames` frames of `micro_steps` steps each.

    The image is drawn `side` pixels wide on a sensor with `margin` more pixels at each border
    and moves by at most `amplitude` pixels. `contrast` is the threshold on the log intensity.
    """

    side: int
    margin: int = 2
    frames: int = 10
    micro_steps: int = 3
    contrast: float = 1.2
    amplitude: float = 2.5

    def __post_init__(self) -> None:
        if not self.contrast > 0:
            raise UsageError(f"contrast threshold is {self.contrast}; it must be more than 0")
        if not 0 <= self.amplitude < math.inf:
            raise UsageError(f"amplitude is {self.amplitude}; it must be at least 0")
        if self.frames > LARGEST:
            raise UsageError(f"{self.frames} frames; there may be at most {LARGEST:,}")
        if min(self.side, self.frames, self.micro_steps) < 1 or self.margin < 0:
            raise UsageError(f"{self} has a size below 1")

    @property
    def sensor(self) -> int:
        """Rows and columns of the sensor."""
        return self.side + 2 * self.margin

    def path(self) -> np.ndarray:
        """Offsets of the image [steps + 1, 2], rows and columns, in pixels."""
        steps = self.frames * self.micro_steps
        along = np.linspace(0, len(CORNERS) - 1, steps + 1)
        corners = np.array(CORNERS)
        rows, columns = (np.interp(along, np.arange(len(corners)), axis) for axis in corners.T)
        return (np.stack([rows, columns], axis=1) - 0.5) * self.amplitude


def simulate(images: np.ndarray, saccades: Saccades) -> np.ndarray:
    """Event counts uint8 [N, frames, 2, sensor, sensor] of images [N, H, W] in [0, 1].

    Channel 0 has the OFF, channel 1 the ON events. The same input gives the same events.
    """
    if images.ndim != 3:
        raise UsageError(f"images of shape {images.shape}; expected [N, H, W]")
    n, sensor = len(images), saccades.sensor
    source = images.astype(np.float64)
    frames = np.zeros((n, saccades.frames, 2, sensor, sensor), dtype=np.uint8)
    path = saccades.path()
    remembered = _log_intensity(source, path[0], saccades)
    for step, offset in enumerate(path[1:]):
        change = _log_intensity(source, offset, saccades) - remembered
        # The tolerance keeps a change of exactly one threshold from hanging on rounding.
        events = np.trunc(change / saccades.contrast * (1 + 1e-9))
        remembered += events * saccades.contrast
        frame = frames[:, step // saccades.micro_steps]
        frame[:, ON] += np.maximum(events, 0).astype(np.uint8)
        frame[:, OFF] += np.maximum(-events, 0).astype(np.uint8)
    return frames


def _log_intensity(images: np.ndarray, offset: np.ndarray, saccades: Saccades) -> np.ndarray:
    rows = _sampling(images.shape[1], offset[0], saccades)
    columns = _sampling(images.shape[2], offset[1], saccades)
    return np.log(rows @ images @ columns.T + FLOOR)


def _sampling(size: int, offset: float, saccades: Saccades) -> np.ndarray:
    """Matrix [sensor, size] of bilinear interpolation; the image is 0 outside."""
    pixel = np.arange(saccades.sensor) - saccades.margin - offset
    position = (pixel + 0.5) * size / saccades.side - 0.5
    distance = np.abs(position[:, None] - np.arange(size)[None])
    return np.maximum(1 - distance, 0)
