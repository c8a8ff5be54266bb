"""The published figures: printed numbers with where they stand and by which protocol."""

from __future__ import annotations

import io
from importlib.resources import files

import pandas as pd

TEXT = ("baseline", "time_steps", "citation")


def published_text() -> str:
    """The file of published figures as it comes with the package."""
    return files("liafbench.bench.results").joinpath("published.csv").read_text(encoding="utf-8")


def published() -> pd.DataFrame:
    """One row per printed figure; an empty `baseline` is a method that is not one of ours."""
    frame = pd.read_csv(io.StringIO(published_text()), dtype={"time_steps": str})
    return frame.fillna(dict.fromkeys(TEXT, ""))
