"""What interleaved rounds measured: raw values, medians, spreads, ratios, noise."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from liafbench.bench.timing.conditions import Conditions
from liafbench.bench.timing.intervals import Interval, iqr_half_width, median_interval, paired_ratio

NOISY = 0.05  # relative spread of the rounds from which a machine is called noisy


@dataclass(frozen=True)
class Timings:
    """Seconds per call of every contender, one value a round, and what they were taken under."""

    seconds: Mapping[str, tuple[float, ...]]
    calls: Mapping[str, int]
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def rounds(self) -> int:
        return len(next(iter(self.seconds.values())))

    def median(self, name: str) -> float:
        """Median seconds per call."""
        return statistics.median(self.seconds[name])

    def spread(self, name: str) -> float:
        """Half the interquartile range of the seconds per call."""
        return iqr_half_width(self.seconds[name])

    def interval(self, name: str) -> Interval:
        """The median seconds per call with its bootstrap interval."""
        return median_interval(self.seconds[name])

    def ratio(self, name: str, to: str) -> Interval:
        """How many times as long `name` takes as `to`, paired round by round."""
        return paired_ratio(self.seconds[name], self.seconds[to])

    def ratios(self, to: str) -> dict[str, Interval]:
        """The ratio of every other contender to one of them."""
        return {name: self.ratio(name, to) for name in self.seconds if name != to}

    def noise(self) -> float:
        """The relative spread of a typical contender's rounds (1 = as large as its median)."""
        return statistics.median(self.spread(name) / self.median(name) for name in self.seconds)

    def verdict(self) -> str:
        """One sentence: was the machine quiet, and if not, how far from it."""
        noise, load = 100 * self.noise(), self.conditions.other_load
        level = "noisy" if self.noise() > NOISY else "quiet"
        others = "" if load is None else f"; other processes used {load:.1f} cores"
        return f"{level} machine: rounds spread by ±{noise:.1f} %{others}"

    def to_dict(self) -> dict[str, Any]:
        """A JSON document with the raw values in it."""
        first = next(iter(self.seconds))
        return {
            "contenders": {
                name: {
                    "seconds": list(values),
                    "calls_per_round": self.calls[name],
                    "median_s": self.median(name),
                    "spread_s": self.spread(name),
                }
                for name, values in self.seconds.items()
            },
            "ratios": {
                name: {
                    "to": first,
                    "ratio": ratio.value,
                    "low": ratio.low,
                    "high": ratio.high,
                    "half_width": ratio.half_width,
                }
                for name, ratio in self.ratios(first).items()
            },
            "rounds": self.rounds,
            "noise": self.noise(),
            "verdict": self.verdict(),
            "conditions": self.conditions.to_dict(),
        }
