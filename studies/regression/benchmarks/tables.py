"""Records to the comparison table and its renderings."""

from __future__ import annotations

import pandas as pd

from liafbench.bench.tables.comparison import comparison
from liafbench.bench.tables.render import render

from .common import BASELINES, REPEAT

METRICS = {"test_accuracy": "%", "parameters": "1", "mac_dense": "1/sample", "ac": "1/sample"}


class Tables:
    """Two tasks, seven baselines, ten seeds."""

    version = "1"
    repeat = REPEAT

    def setup(self) -> None:
        cells = [
            {"task": task, "backbone": "small", "baseline": baseline, "seed": seed}
            for task in ("digits-dvs", "nmnist")
            for baseline in BASELINES
            for seed in range(10)
        ]
        shared = {"suite": "s", "engine": "native", "budget": "equal-backbone", "n": 1}
        self.records = pd.DataFrame(
            [
                {**shared, **cell, "run_id": f"{number:016x}", "metric": metric,
                 "value": 50.0 + number % 17, "unit": unit, "spread": float("nan")}
                for number, cell in enumerate(cells)
                for metric, unit in METRICS.items()
            ]
        )  # fmt: skip

    def time_comparison(self) -> None:
        comparison(self.records)

    def time_markdown(self) -> None:
        render(comparison(self.records), "md")
