"""The throughput suite's points as one frame: a row per entrant, way and batch size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from liafbench.bench.execution import Execution
from liafbench.bench.tables.table import Table

ESTIMATE = "45nm_fp32"
"""The energies that `estimated_energy` is computed with."""
KEY = ["task", "backbone", "mode", "way", "baseline", "engine", "batch"]
FIGURES = {
    "throughput": "samples/s",
    "latency_p50": "ms",
    "latency_p95": "ms",
    "latency_p99": "ms",
    "forward_time": "ms",
    "backward_time": "ms",
    "optimizer_time": "ms",
    "time_to_first_result": "s",
    "peak_memory": "MiB",
    "peak_memory_host": "MiB",
    "gpu_energy": "mJ/sample",
    "estimated_energy": "mJ/sample",
    "flops_share": "%",
    "bandwidth_share": "%",
}
RATIO = ["time_ratio", "low", "high", "relative_to"]


def throughput_table(documents: Iterable[dict[str, Any]]) -> Table:
    """KEY, each figure with its spread and n, and the time relative to the sweep's first entrant.

    low and high are the 99 % interval of that ratio; note says why an entrant has no figure.
    """
    found = list(documents)
    rows = [row for document in found for row in _rows(document)]
    columns = [*KEY, *_figure_columns(), *RATIO, "noise", "note"]
    frame = pd.DataFrame(rows, columns=columns).sort_values(KEY, kind="stable", ignore_index=True)
    frame = frame.dropna(axis="columns", how="all")
    units = {f"{name}{part}": unit for name, unit in FIGURES.items() for part in ("", "_spread")}
    return Table(
        frame,
        "Throughput",
        "throughput",
        units=units,
        heads={name: f"{_title(name)} [{unit}]" for name, unit in units.items()},
        caption=_caption(document["provenance"] for document in found),
    )


def _title(name: str) -> str:
    return name.replace("_", " ").replace("estimated energy", "estimated energy (dense counts)")


def _caption(sources: Iterable[dict[str, Any]]) -> str:
    """Hardware, versions and allocator of the points, and what the spreads are."""
    distinct: dict[str, set[str]] = {}
    for source in sources:
        versions = source.get("versions", {})
        names = {name: source.get(name) for name in ("machine", "threads", "allocator", "kernel")}
        names |= {name: versions.get(name) for name in ("torch", "spikingjelly", "snntorch")}
        for name, value in {**names, "commit": str(source.get("commit"))[:12]}.items():
            distinct.setdefault(name, set()).add(str(value))
    said = "; ".join(f"{name} {', '.join(sorted(values))}" for name, values in distinct.items())
    return (
        f"{said}. Medians; spread is half the interquartile range over n rounds (of latency "
        "percentiles, of their bootstrap). Ratios are paired within rounds, with their 99 % "
        "interval; noise is the typical relative spread of a point's rounds. Estimated energy is "
        f"that of {ESTIMATE} with every MAC executed, zeros too: other tables skip them."
    )


def _figure_columns() -> list[str]:
    return [f"{name}{part}" for name in FIGURES for part in ("", "_spread", "_n")]


def _rows(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    config, source = document["config"], document["provenance"]
    measure, timing = config["options"], source["timing"] or {}
    options = Execution(
        config["measure"]["device"],
        measure["precision"],
        measure["channels_last"],
        measure["compiled"],
    )
    shared = {
        "task": config["task"],
        "backbone": config["backbone"],
        "mode": measure["mode"],
        "way": options.label,
        "batch": measure["batch"],
        "noise": timing.get("noise"),
    }
    timed = timing.get("contenders", {})
    for name in [*timed, *(each for each in source["ended"] if each not in timed)]:
        baseline, _, engine = name.partition("/")
        row = {**shared, "baseline": baseline, "engine": engine}
        row["note"] = source["ended"].get(name)
        ratio = timing.get("ratios", {}).get(name, {})
        row |= {
            "time_ratio": ratio.get("ratio"),
            "low": ratio.get("low"),
            "high": ratio.get("high"),
            "relative_to": ratio.get("to"),
        }
        yield row | _figures(document["records"], baseline, engine)


def _figures(records: list[dict[str, Any]], baseline: str, engine: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for record in records:
        if (record["baseline"], record["engine"]) != (baseline, engine):
            continue
        name = record["metric"].split("/")[0]
        name = "throughput" if name.endswith("_throughput") else name
        if name in FIGURES:
            found[name] = record["value"]
            found[f"{name}_spread"], found[f"{name}_n"] = record["spread"], record["n"]
    return found
