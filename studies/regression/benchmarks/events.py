"""Events of one recording to frames."""

from __future__ import annotations

import numpy as np

from liafbench.bench.events.events import Events
from liafbench.bench.events.frames import Binning, to_frames

from .common import REPEAT


class EventBinning:
    """200,000 events of a 128 x 128 sensor to 20 frames."""

    version = "1"
    repeat = REPEAT
    params = (["count", "duration"], [128, 32])
    param_names = ("by", "side")

    def setup(self, by: str, side: int) -> None:
        draw = np.random.default_rng(0)
        n = 200_000
        x, y = draw.integers(0, 128, n), draw.integers(0, 128, n)
        self.events = Events(x, y, np.sort(draw.integers(0, 10**6, n)), draw.integers(0, 2, n))
        self.binning = Binning(20, side, side, by=by)

    def time_to_frames(self, by: str, side: int) -> None:
        to_frames(self.events, 128, 128, self.binning)
