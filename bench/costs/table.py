"""The `counting` benchmark: what every baseline costs on every task, with no training.

`run` writes into `<out>/counting`: costs (every task, backbone and baseline, at equal backbone and
at equal budget), ratios (against LIAF-Net on the tasks of its paper) and counters (other tools on
networks whose counts are derived by hand), each as CSV and Markdown, and the versions used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from liafbench.baselines import BASELINES, backbones
from liafbench.baselines.errors import UsageError
from liafbench.bench.costs import counters
from liafbench.bench.costs.cost import cost
from liafbench.bench.costs.trained_columns import ABOUT, KEYS, TRAINED, trained_means

DENSE = (
    "parameters", "weights", "synapses", "neurons", "embedding", "mac_dense", "elementwise",
    "flops", "neuron_updates", "adds", "muls",
)  # fmt: skip
COMPARED = ("parameters", "weights", "synapses", "mac_dense", "elementwise", "flops")
PAPER_TASKS = (
    ("dvs128-gesture", "liaf"),
    ("mnist-dvs", "liaf"),
    ("cifar10-dvs", "liaf"),
    ("babi", "tokens"),
)
"""The four tasks of the LIAF paper."""

CAPTIONS = {
    "costs": (
        "Up to `muls`: by shape alone, for one sample of T steps; a story has its backbone's "
        "nominal number of tokens. From `trained_mac_dense` on: means over the trained networks of "
        "`trained_suite`, each on `trained_samples` of its test samples (the fewest of any), "
        "stories at their real lengths, so that the two dense counts differ there; spread, seeds "
        "and standard errors are in that suite's own tables."
    )
}
"""What stands below a table in Markdown."""
REFERENCE = "liaf-net"
EQUAL_BACKBONE, EQUAL_BUDGET = "equal-backbone", "equal-budget"


@dataclass(frozen=True)
class Place:
    """One row of the cost table before it is counted."""

    task: str
    backbone: str
    budget: str
    baseline: str

    @property
    def reference(self) -> str | None:
        """The baseline whose parameters are matched: KLIF on the tasks of its paper."""
        if self.budget == EQUAL_BACKBONE:
            return None
        return "klif" if self.backbone == "plif" else REFERENCE


def run(
    out_dir: Path,
    records: pd.DataFrame | None = None,
    on_row: Callable[[Place], None] | None = None,
    commit: str | None = None,
) -> list[Path]:
    """Count everything and write the tables; the files written.

    `records`: records of trained networks with task, backbone, baseline, budget, metric, value
    (and seed; suite, machine, data, options, engine and fate where they are known); the sparse
    columns come from them, and are n/a without. `commit` is that of the code that counts.
    """
    found = costs(places(), records, on_row)
    tables = {"costs": found, "ratios": ratios(found), "counters": counters.comparison()}
    folder = out_dir / "counting"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in tables.items():
        page = "\n".join(filter(None, (markdown(frame), CAPTIONS.get(name))))
        for ending, text in (("csv", frame.to_csv(index=False)), ("md", page)):
            path = folder / f"{name}.{ending}"
            path.write_text(text, encoding="utf-8")
            written.append(path)
    about = folder / "versions.json"
    versions = {"commit": commit, **counters.versions()}
    about.write_text(json.dumps(versions, indent=1) + "\n", encoding="utf-8")
    return [*written, about]


def places() -> Iterator[Place]:
    """Every task, backbone, budget and baseline; variants where they are defined."""
    for task in backbones.tasks():
        for backbone in backbones.names(task):
            for budget in (EQUAL_BACKBONE, EQUAL_BUDGET):
                for name, baseline in BASELINES.items():
                    if baseline.role == "baseline" or baseline.serves(task, backbone) is None:
                        yield Place(task, backbone, budget, name)


def costs(
    wanted: Iterator[Place],
    records: pd.DataFrame | None = None,
    on_row: Callable[[Place], None] | None = None,
) -> pd.DataFrame:
    """The cost table: dense counts and structure by shape, sparse counts from trained networks."""
    trained = trained_means(records)
    rows = []
    for place in wanted:
        if on_row:
            on_row(place)
        rows.append(_row(place) | trained.get(_key(place), {}))
    columns = [*KEYS, "role", "T", "width", *DENSE, *TRAINED.values(), *ABOUT, "why_not"]
    return pd.DataFrame(rows, columns=columns)


def _row(place: Place) -> dict[str, Any]:
    named: dict[str, Any] = {key: getattr(place, key) for key in KEYS}
    named["role"] = BASELINES[place.baseline].role
    try:
        net, counts = cost(place.baseline, place.task, place.backbone, budget=place.reference)
    except UsageError as error:  # the table says why there is nothing to count
        return named | {"why_not": str(error)}
    named |= {"T": net.backbone.time_steps, "width": net.width}
    return named | {name: getattr(counts, name) for name in DENSE}


def _key(place: Place) -> tuple[str, ...]:
    return tuple(getattr(place, key) for key in KEYS)


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Costs of every baseline divided by those of LIAF-Net, on the four tasks of its paper."""
    rows = []
    for task, backbone in PAPER_TASKS:
        here = table[(table["task"] == task) & (table["backbone"] == backbone)]
        for _, group in here.groupby("budget", sort=False):
            base = group[group["baseline"] == REFERENCE].iloc[0]
            for _, row in group.iterrows():
                named = {key: row[key] for key in KEYS} | {"role": row["role"]}
                divided = {f"{name} ratio": row[name] / base[name] for name in COMPARED}
                rows.append(named | divided | {"why_not": row["why_not"]})
    return pd.DataFrame(rows)


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown; n/a where there is nothing."""
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + " --- |" * frame.shape[1]]
    for row in frame.itertuples(index=False):
        lines.append("| " + " | ".join(_cell(value) for value in row) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "n/a"
    if isinstance(value, int | float):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
    return str(value).replace("|", r"\|")
