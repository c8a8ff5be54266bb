"""The figures of the page; what each shows is decided here, how it is drawn in page/figures.js."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from liafbench.bench.counting import ENERGY
from liafbench.bench.report.pareto import front
from liafbench.bench.tables.columns import column

ACCURACY = "test_accuracy"


@dataclass(frozen=True)
class Figure:
    """One figure: a kind that figures.js knows, and the metrics a reader may choose from."""

    name: str
    kind: str
    title: str
    text: str
    choices: dict[str, str] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """As the page's script reads it."""
        return asdict(self)


def figures(metrics: list[str], curve_names: list[str]) -> list[Figure]:
    """The figures of a page whose rows have these metrics."""
    front_text = (
        "Up and to the left is better. The line is the Pareto front of the baselines: none on it "
        "is beaten in both. Controls are drawn hollow and left out of the front. Bars: 95 % "
        "interval of the accuracy, standard deviation over seeds elsewhere."
    )
    return [
        Figure(
            "energy", "points", "Accuracy against estimated energy",
            "Operations on test samples times published constants: an estimate, never a "
            f"measurement. {front_text}",
            energies(metrics),
        ),
        Figure(
            "parameters", "points", "Accuracy against parameters and operations", front_text,
            _titled(["parameters", "weights", "synapses", "mac_dense"], metrics),
        ),
        Figure(
            "throughput", "throughput", "Throughput",
            "Median over interleaved timing rounds on this machine; bars: half the interquartile "
            "range. More is better.",
            _titled(["inference_throughput", "training_throughput"], metrics),
        ),
        Figure(
            "layers", "layers", "Operations per layer",
            "One sample, mean over seeds; sparse counts (effective MAC, AC) are those of the "
            "trained networks on test samples.",
            _titled(["mac_dense", "mac_effective", "ac", "elementwise", "parameters"]),
        ),
        Figure(
            "spikes", "spikes", "Spike rate per layer",
            "Share of neurons that fire in a time step, mean over test samples, steps and seeds.",
        ),
        Figure(
            "curves", "curves", "Training curves", "One line a seed.",
            {name: name.replace("_", " ") for name in sorted(curve_names, key=_loss_last)},
        ),
    ]  # fmt: skip


def _loss_last(name: str) -> tuple[bool, str]:
    return name.endswith("loss"), name


def energies(metrics: list[str]) -> dict[str, str]:
    """Every energy estimate there is, the usual 32-bit one first."""
    found = {}
    for metric in metrics:
        name = metric.removeprefix("energy_")
        if name == metric:
            continue
        dense = name.startswith("dense_")
        constants = ENERGY.get(name.removeprefix("dense_"))
        title = f"estimated energy, {constants.title}, {constants.precision}" if constants else name
        found[metric] = f"{title}{', dense MACs' if dense else ''} [µJ/sample]"
    return dict(sorted(found.items(), key=lambda each: (each[0] != "energy_45nm_fp32", each[0])))


def _titled(names: list[str], present: list[str] | None = None) -> dict[str, str]:
    chosen = [name for name in names if present is None or name in present]
    return {
        name: f"{column(name).title} [{column(name).unit}]".replace(" [1]", "") for name in chosen
    }


def fronts(rows: list[dict[str, Any]], metrics: list[str]) -> dict[str, dict[str, list[str]]]:
    """Per block and cost metric the models on the Pareto front, by rising cost."""
    found: dict[str, dict[str, list[str]]] = {}
    for block in dict.fromkeys(row["block"] for row in rows):
        competing = [
            row
            for row in rows
            if row["block"] == block and row["role"] != "control" and ACCURACY in row["values"]
        ]
        for metric in metrics:
            costed = [row for row in competing if metric in row["values"]]
            costs = [row["values"][metric][0] for row in costed]
            gains = [row["values"][ACCURACY][0] for row in costed]
            best = [costed[place]["model"] for place in front(costs, gains)]
            found.setdefault(block, {})[metric] = best
    return found
