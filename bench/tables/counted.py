"""What the captions say of counted test samples: how many, and how far that moves the means."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.counting.trained import MEASURED
from bench.results import Results, blocks


def counted_samples(results: Results, block: list[str]) -> dict[tuple[str, ...], str]:
    """A sentence a block, of its networks that were counted on test samples."""
    records = results.records
    of_samples = records["metric"].isin(MEASURED) & (records["n"] > 1)
    tested = records[records["metric"] == "test_accuracy"]
    whole = tested.groupby(["run_id"], observed=True)["n"].max()
    found = {}
    for where, part in blocks(records[of_samples], block):
        found[tuple(where[key] for key in block)] = _said(part, part["run_id"].map(whole))
    return found


def _said(counts: pd.DataFrame, whole: pd.Series) -> str:
    """How many of how many; the whole test set has no standard error, a part of it has one."""
    n, known = counts["n"], whole.notna().all()
    least, most = n.min(), n.max()
    numbers = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    if known and n.ge(whole).all():
        return f"counts and energies are means over all {numbers} test samples"
    if known:
        numbers += f" of {whole.max():,.0f}"
    varied = counts[n.lt(whole.fillna(np.inf)) & counts["value"].gt(0)]
    error = 100 * (varied["spread"] / np.sqrt(varied["n"]) / varied["value"])
    moved = f", with a standard error of up to {error.max():.1f} %" if len(error) else ""
    return f"counts and energies are means over {numbers} test samples{moved}"
