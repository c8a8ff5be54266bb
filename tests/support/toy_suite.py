"""A suite of seconds on embedded data, how it is run, and who listens."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from liafbench.bench.runfiles import Run
from liafbench.bench.runs.cells import Cell
from liafbench.bench.runs.plan import Options, plan
from liafbench.bench.runs.runner import Runner
from liafbench.bench.suites import Group, Measure, Recipe, Suite

TIMES = ("training_time", "tuning_time")


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.runs: list[Run] = []
        self.epochs: list[tuple[str, int, int]] = []
        self.damaged: list[str] = []

    def planned(self, cells: list[Cell], finished: int) -> None:
        self.cells = cells

    def epoch(self, run_id: str, epoch: int, epochs: int) -> None:
        self.epochs.append((run_id, epoch, epochs))

    def finished(self, run: Run) -> None:
        self.runs.append(run)

    def set_aside(self, damaged: str) -> None:
        self.damaged.append(damaged)


def suite(*baselines: str, time_limit: float = 300.0, **recipe: object) -> Suite:
    fields: dict = {"epochs": 1, "batch_size": 64, **recipe}
    group = Group(
        tasks=("digits-dvs",),
        backbone="small",
        baselines=baselines or ("cnn", "lstm"),
        data={"limit": 200},
        recipe=Recipe(**fields),
        time_limit=time_limit,
    )
    measure = Measure(count_samples=2, timing=False)
    return Suite(name="toy", seeds=(0, 1), group=(group,), measure=measure)


def run(which: Suite, out: Path, **options: object) -> tuple[Runner, Heard]:
    chosen = Options(out=out, **options)  # type: ignore[arg-type]
    heard = Heard()
    runner = Runner(plan(which, chosen), chosen, heard)
    runner.run()
    return runner, heard


def records(runner: Runner) -> pd.DataFrame:
    frame = pd.read_csv(runner.plan.store.write_records())
    return frame[~frame.metric.isin(TIMES)].reset_index(drop=True)
