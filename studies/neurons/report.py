"""Writes what the neuron benchmark measured: CSV for programs, Markdown for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from studies.neurons.layers import LIMIT


class Tabular(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


def write(
    folder: Path,
    tables: dict[str, Sequence[Tabular]],
    provenance: dict[str, Any],
    notes: list[str],
) -> None:
    """`<name>.csv` for every table, all of them in README.md, and provenance.json."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = {name: frame(rows) for name, rows in tables.items() if rows}
    for name, data in frames.items():
        data.to_csv(folder / f"{name}.csv", index=False)
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    (folder / "README.md").write_text(readme(frames, notes))


def frame(rows: Sequence[Tabular]) -> pd.DataFrame:
    return pd.DataFrame([row.to_dict() for row in rows])


def readme(frames: dict[str, pd.DataFrame], notes: list[str]) -> str:
    """The tables as one page."""
    parts = ["# Neuron kernels", *notes]
    if "acceptance" in frames:
        parts += ["## Bounds", markdown(frames["acceptance"])]
    if "layers" in frames:
        parts += ["## One layer: times the memory limit", markdown(layer_matrix(frames["layers"]))]
        parts += ["Milliseconds, spreads and intervals: layers.csv."]
    for name in ("memory", "network"):
        if name in frames:
            parts += [f"## {name.capitalize()}", markdown(frames[name])]
    return "\n\n".join(parts) + "\n"


def layer_matrix(layers: pd.DataFrame) -> pd.DataFrame:
    """One line a cell, one column a contender: the ratio to the memory limit."""
    others = layers[layers["contender"] != LIMIT]
    index = ["neuron", "work", "time_steps", "elements"]
    order = list(dict.fromkeys(others["contender"]))
    wide = others.pivot(index=index, columns="contender", values="to_limit")[order]
    limits = layers[layers["contender"] == LIMIT].set_index(index)["median_ms"]
    wide.insert(0, "limit [ms]", limits)
    return wide.reset_index()


def markdown(data: pd.DataFrame) -> str:
    """A table in Markdown, figures to three digits."""
    lines = ["| " + " | ".join(map(str, data.columns)) + " |", "|" + "---|" * len(data.columns)]
    for row in data.itertuples(index=False):
        lines.append("| " + " | ".join(_shown(value) for value in row) + " |")
    return "\n".join(lines)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3g}"
    return str(value)
