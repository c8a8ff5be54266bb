"""A figure for papers and pages: accuracy against what it costs, with the Pareto front."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.report import rows as table_rows
from liafbench.bench.report.figures import ACCURACY, energies, fronts
from liafbench.bench.report.models import Model, models
from liafbench.bench.results import load, rows
from liafbench.bench.runfiles import inside, write_atomically
from liafbench.bench.tables.columns import MAIN_ENERGY, column, scale
from liafbench.bench.tables.comparison import everything

COSTS = (MAIN_ENERGY[0], "parameters")
SUFFIXES = ("svg", "pdf", "png")
MARKERS = {
    "circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v",
    "star": "*", "hexagon": "h", "pentagon": "p", "cross": "P", "x": "X", "bowtie": ">",
    "hourglass": "<",
}  # fmt: skip
NAME_LENGTH = 80
FAMILY = "DejaVu Sans"  # comes with matplotlib: the same everywhere
PANEL = (3.9, 3.1)  # inches


@dataclass(frozen=True)
class Theme:
    """Colours of paper, text and grid."""

    paper: str
    ink: str
    line: str


THEMES = {
    "light": Theme("#ffffff", "#1b1f24", "#d4d9df"),
    "dark": Theme("#14181d", "#e8ebee", "#38414b"),
}


@dataclass(frozen=True)
class Block:
    """Rows that are compared with each other, as rows.plain_rows gives them."""

    label: str
    rows: list[dict[str, Any]]
    models: dict[str, Model]
    fronts: dict[str, list[str]]
    titles: dict[str, str]


def write_figure(
    root: Path, path: Path, place: str | None = None,
    costs: Sequence[str] = COSTS, theme: str = "light",
) -> None:  # fmt: skip
    """Draw one block of a results folder, a panel a cost, as SVG, PDF or PNG by `path`'s ending.

    `place` is found in the block's description ("digits-dvs"); the same run files give the same
    bytes. Raises UsageError where place, cost, theme or ending do not fit.
    """
    form = path.suffix.removeprefix(".").lower()
    if form not in SUFFIXES:
        raise unknown("ending of a figure", form, SUFFIXES)
    if theme not in THEMES:
        raise unknown("theme", theme, THEMES)
    block = find_block(root, place, costs)
    try:
        content = _drawn(block, costs, THEMES[theme], form)
        write_atomically(path, content, below=inside(path, root))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def find_block(root: Path, place: str | None, costs: Sequence[str]) -> Block:
    """The one block of a results folder that `place` describes, with its front for each cost."""
    table = everything(load(root))
    frame, plain = table.frame, table_rows.plain_rows(table)
    labels = {
        key: label
        for key, label in table_rows.block_labels(frame).items()
        if any(row["block"] == key and ACCURACY in row["values"] for row in plain)
    }
    found = {key: label for key, label in labels.items() if (place or "") in label}
    if len(found) != 1:
        asked = f"--select {place}: " if place else ""
        raise UsageError(
            f"{asked}{len(found)} comparisons of {root} fit; choose one with --select: "
            + " | ".join(labels.values())
        )
    ((key, label),) = found.items()
    own = [row for row in plain if row["block"] == key and ACCURACY in row["values"]]
    known = sorted({metric for row in own for metric in row["values"]} - {ACCURACY})
    for cost in costs:
        if cost not in known:
            raise unknown("cost", cost, known)
    return Block(label, own, models(rows(frame)), fronts(own, list(costs))[key], energies(known))


def _drawn(block: Block, costs: Sequence[str], theme: Theme, form: str) -> bytes:
    """The figure as bytes that depend on nothing but the numbers."""
    style: Any = {
        "font.size": 9, "font.family": FAMILY, "svg.hashsalt": "liafbench", "text.color": theme.ink,
        "axes.labelcolor": theme.ink, "xtick.color": theme.ink, "ytick.color": theme.ink,
        "axes.edgecolor": theme.line, "axes.facecolor": theme.paper, "grid.color": theme.line,
    }  # fmt: skip
    empty = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}, "png": {}}
    with mpl.rc_context(style):
        size = (PANEL[0] * len(costs) + 1.9, PANEL[1])
        figure = Figure(size, facecolor=theme.paper, layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
        for axes, cost in zip(panels, costs, strict=True):
            _panel(axes, block, cost, theme)
        panels[0].set_ylabel("test accuracy [%]")
        figure.suptitle(_text(block.label), fontsize=10)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside right center", frameon=False, fontsize=8.5)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=form, metadata=empty[form], dpi=200)
    return buffer.getvalue()


def _panel(axes: Axes, block: Block, cost: str, theme: Theme) -> None:
    """One cost: a point and its bars a model, and the front as a staircase."""
    shown = [row for row in block.rows if cost in row["values"]]
    values = [row["values"][cost][0] for row in shown]
    power, prefix = scale(values)
    front = [row for key in block.fronts[cost] for row in shown if row["model"] == key]
    axes.step(
        [row["values"][cost][0] / power for row in front],
        [row["values"][ACCURACY][0] for row in front],
        where="post", color=theme.ink, linewidth=1, alpha=0.6, zorder=1, label="Pareto front",
    )  # fmt: skip
    for row in shown:
        _point(axes, row, block.models[row["model"]], cost, power)
    axes.set_xscale("log")
    axes.set_xlabel(_text(_cost_title(block, cost, prefix)))
    few = max(values) < 100 * min(values)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _point(axes: Axes, row: dict[str, Any], model: Model, cost: str, power: float) -> None:
    gain, deviation, _ = row["values"][ACCURACY]
    value, spread, _ = row["values"][cost]
    below, above = deviation or 0.0, deviation or 0.0
    if row["low"] is not None:
        below, above = gain - row["low"], row["high"] - gain
    symbol, hollow, _ = model["symbol"].partition("-open")
    axes.errorbar(
        value / power, gain, xerr=(spread or 0.0) / power, yerr=np.array([[below], [above]]),
        color=model["colour"], linestyle="none", elinewidth=1, capsize=2,
    )  # fmt: skip
    axes.plot(
        value / power, gain, color=model["colour"], marker=MARKERS[symbol], markersize=8,
        markerfacecolor="none" if hollow else model["colour"], linestyle="none",
        label=_text(model["title"]),
    )  # fmt: skip


def _cost_title(block: Block, cost: str, prefix: str) -> str:
    if cost in block.titles:
        return block.titles[cost].replace(", 32-bit float", "")
    shown = column(cost)
    unit = {"1": prefix, "": prefix}.get(shown.unit, f"{prefix}{shown.unit.replace('1/', '/')}")
    return f"{shown.title} [{unit}]".removesuffix(" []")


def _text(name: str) -> str:
    """A name as it is: cut if endless, no formula, letters without a glyph as code points."""
    short = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
    font = _font()
    drawn = (each if font.get_char_index(ord(each)) else f"U+{ord(each):04X}" for each in short)
    return "".join(drawn).replace("$", r"\$")


@cache
def _font() -> FT2Font:
    return get_font(findfont(FAMILY))
