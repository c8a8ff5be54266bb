"""One frame, three renderings."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from liafbench.baselines.errors import unknown
from liafbench.bench.tables.columns import NARROW
from liafbench.bench.tables.comparison import metrics_of
from liafbench.bench.tables.csv_text import csv_text
from liafbench.bench.tables.latex import latex
from liafbench.bench.tables.markdown import markdown
from liafbench.bench.tables.sheet import sheets

FORMATS = ("csv", "md", "tex")


def render(frame: pd.DataFrame, form: str, columns: Sequence[str] | None = None) -> str:
    """A frame as "csv" (everything, full precision), "md" or "tex" (for people).

    `columns` chooses the metrics of a comparison frame; without it LaTeX shows what fits a page.
    Raises UsageError for a format or metric that is not there.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    if form == "csv":
        return csv_text(frame)
    if form == "md":
        return markdown(sheets(frame, columns))
    if "narrow" in frame.attrs:
        frame = frame[frame.attrs["narrow"]]
    return latex(sheets(frame, columns or narrow(frame)))


def narrow(frame: pd.DataFrame) -> list[str] | None:
    """The metrics that fit across a page; None for frames that are narrow already."""
    if frame.attrs.get("label") != "comparison":
        return None
    return [m for m in metrics_of(frame) if m in NARROW]
