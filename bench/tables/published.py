"""Our figures beside the printed ones."""

from __future__ import annotations

import pandas as pd

from liafbench.bench.results import labels, widen
from liafbench.bench.results.published import published
from liafbench.bench.tables.accuracy import FAMILY_MEAN, with_family_mean
from liafbench.bench.tables.comparison import Records, aggregated, selected
from liafbench.bench.tables.table import Table

METRICS = ("test_accuracy", "best_test_accuracy")
PLACE = ["baseline", "task", "backbone"]
WHERE = ["suite", "machine", "data"]
POINTS = ["published", "ours", "ours_std", "difference", "ours_best_epoch", "difference_best_epoch"]
COLUMNS = [
    "task", "method", "baseline", "backbone", *WHERE, *POINTS, "ours_n", "protocol", "printed_in",
    "second_hand", "judged",
]  # fmt: skip


def against_published(records: Records) -> Table:
    """One row per printed figure and suite of ours with the same model, task and backbone.

    `difference` is ours minus theirs [points]. Our best test epoch, where it was recorded, stands
    beside it under its own name: that is what many papers print.
    """
    results = selected(records)
    frame = _printed().merge(_ours(aggregated(with_family_mean(results), METRICS)), on=PLACE)
    frame["difference"] = frame["ours"] - frame["published"]
    frame["difference_best_epoch"] = frame["ours_best_epoch"] - frame["published"]
    order = sorted(
        range(len(frame)),
        key=lambda row: (
            labels.task_order(frame["task"].iloc[row]),
            frame["method"].iloc[row],
            row,
        ),
    )
    frame = frame.iloc[order].reindex(columns=COLUMNS).reset_index(drop=True)
    return Table(
        frame,
        "Ours beside the published figures",
        "published",
        units=dict.fromkeys(POINTS, "%"),
        heads={name: f"{name.replace('_', ' ')} [%]" for name in POINTS},
        caption="Test accuracy; differences in points, ours minus published; std over n seeds. "
        f"{labels.caption(labels.describe(results))}",
    )


def _printed() -> pd.DataFrame:
    """The printed figures, and their mean over bAbI, which is what is judged there."""
    printed = published().rename(columns={"value": "published"})
    family = printed[printed["task"].isin(labels.FAMILY_TASKS)]
    means = family.groupby("method", sort=False).agg(
        published=("published", "mean"),
        **{
            name: (name, "first") for name in printed.columns if name not in ("method", "published")
        },
    )
    means = means.reset_index().assign(task=FAMILY_MEAN, judged="yes")
    return pd.concat([printed, means], ignore_index=True)


def _ours(long: pd.DataFrame) -> pd.DataFrame:
    """Our accuracies at equal backbone: mean, std and n, and the mean of the best test epochs."""
    chosen = long[(long["budget"] == "equal-backbone") & (long["options"] == "")]
    index = [*WHERE, *PLACE, "engine"]
    wide = widen(chosen[[*index, "metric", "mean", "std", "n"]], index, "metric").reset_index()
    names_of_ours = {
        "test_accuracy": "ours",
        "test_accuracy_std": "ours_std",
        "test_accuracy_n": "ours_n",
        "best_test_accuracy": "ours_best_epoch",
    }
    wanted = [*index, *names_of_ours]
    return wide.reindex(columns=wanted).rename(columns=names_of_ours)
