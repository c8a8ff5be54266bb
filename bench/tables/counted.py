"""What the captions say of counted test samples: how many, and how far that moves the means."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from liafbench.bench.counting.counts import STRUCTURE
from liafbench.bench.counting.measurements import MEASURED
from liafbench.bench.results import Results, blocks
from liafbench.bench.tables.aggregate import shown

OF_SAMPLES = MEASURED - set(STRUCTURE)


@dataclass(frozen=True)
class Counted:
    """Over how many samples of how many the networks of a block were counted, for one metric."""

    least: int
    most: int
    whole: float
    """NaN where the size of a test set is not known."""
    everything: bool
    error: float
    """The largest standard error in percent; NaN where no network has one."""


def counted_samples(
    results: Results, block: list[str]
) -> dict[tuple[str, ...], dict[str, Counted]]:
    """By block and metric, of what is shown."""
    records = results.records[shown(results)]
    tested = records[records["metric"] == "test_accuracy"]
    whole = tested.groupby(["suite", "machine", "run_id"], observed=True)["n"].max().rename("whole")
    counts = records[records["metric"].isin(OF_SAMPLES)].join(whole, ["suite", "machine", "run_id"])
    found: dict[tuple[str, ...], dict[str, Counted]] = {}
    for where, part in blocks(counts, [*block, "metric"]):
        place = tuple(where[key] for key in block)
        found.setdefault(place, {})[where["metric"]] = _counted(part)
    return found


def _counted(part: pd.DataFrame) -> Counted:
    n, whole = part["n"], part["whole"]
    # Samples of a finite set, without replacement: all of it has no error. No spread, none known.
    left = (1 - n / whole.fillna(np.inf)).clip(lower=0)
    nothing = part["value"].eq(0)  # counted, and none of it in any sample
    relative = (part["spread"] / part["value"].mask(nothing)).mask(nothing, part["spread"])
    error = 100 * relative * np.sqrt(left / n)
    everything = bool(n.ge(whole).all())
    return Counted(n.min(), n.max(), whole.max(skipna=False), everything, error.max())


def said(counted: Iterable[Counted]) -> str:
    """One sentence for the metrics of a table; nothing where none was counted on samples."""
    parts = list(counted)
    if not parts:
        return ""
    least, most = min(each.least for each in parts), max(each.most for each in parts)
    numbers = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    if all(each.everything for each in parts):
        return f"counts and energies are means over all {numbers} test samples"
    whole = max(each.whole for each in parts)
    of = "" if math.isnan(whole) else f" of {whole:,.0f}"
    errors = [each.error for each in parts if not math.isnan(each.error)]
    # They are spread evenly, which is as good where the order of a test set has no period.
    moved = (
        f"with a standard error of up to {max(errors):.1f} % (as of a random choice)"
        if errors
        else "error not known"
    )
    return f"counts and energies are means over {numbers}{of} test samples, {moved}"
