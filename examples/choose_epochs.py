"""How many epochs a group of a suite needs, by validation accuracy alone.

    python examples/choose_epochs.py quick digits-dvs --epochs 8 12 20 --seeds 100 101

Trains every baseline of the suite on the task once for each number of epochs and each seed, at the
recipe's learning rate, and prints mean validation accuracies as Markdown. The last line names the
fewest epochs within half a point of the best mean over the baselines. Test samples are never looked
at, and the seeds are none of the suite's.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import pandas as pd
import torch

from liafbench.bench.runs.cells import Cell, training_cells
from liafbench.bench.runs.tune import tune_cell
from liafbench.bench.suites import load

SLACK = 0.5
"""Points of accuracy that more epochs must bring."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("suite")
    parser.add_argument("task")
    parser.add_argument("--epochs", type=int, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100])
    parser.add_argument("--data")
    words = parser.parse_args()
    torch.set_num_threads(1)
    suite = load(words.suite)
    cells = {c.baseline: c for c in training_cells(suite) if c.task == words.task}
    rows = [
        {
            "baseline": name,
            "epochs": epochs,
            "validation": validation(cell, epochs, seed, words.data),
        }
        for name, cell in cells.items()
        for epochs in words.epochs
        for seed in words.seeds
    ]
    table = pd.DataFrame(rows).pivot_table("validation", "baseline", "epochs", aggfunc="mean")
    means = table.mean()
    fewest = means[means >= means.max() - SLACK].index[0]
    print(pd.concat([table, means.to_frame("mean").T]).round(2).to_markdown())
    print(f"\nfewest epochs within {SLACK} points of the best: {fewest}")


def validation(cell: Cell, epochs: int, seed: int, data: str | None) -> float:
    """Best validation accuracy in %, over the epochs of one training."""
    recipe = cell.recipe.model_copy(update={"epochs": epochs})
    done = tune_cell(replace(cell, kind="tune", seed=seed, recipe=recipe), data, "cpu")
    return next(r.value for r in done.records if r.metric == "validation_accuracy")


if __name__ == "__main__":
    main()
