"""`liafbench count`: what a baseline costs on a task, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.markup import escape
from rich.table import Table

from liafbench.baselines import build
from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.console import console, emit_json, note
from liafbench.bench.costs.cost import cost
from liafbench.bench.counting import (
    ENERGY,
    METRICS,
    Counts,
    Measurement,
    measurements,
    trained_counts,
)
from liafbench.bench.runfiles import DamagedRun, Run, read_run
from liafbench.bench.runs.count import select_samples
from liafbench.bench.tasks import load

HEADS = {"mac_effective": "mac eff.", "elementwise": "elem."}
SHOWN = ("weights", "synapses", "neurons", "mac_dense", "mac_effective", "ac", "elementwise")


def count(
    baseline: Annotated[str, typer.Argument(help="name, for example liaf-net")],
    task: Annotated[
        str, typer.Option(help="task that gives the input shape; its data are read with --run only")
    ],
    backbone: Annotated[str | None, typer.Option(help="default: the task's first")] = None,
    engine: Annotated[str, typer.Option(help="engine of the neurons")] = "native",
    budget: Annotated[
        str | None, typer.Option(help="scale the width to the parameters of this baseline")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(help="id or file of a finished run: count its trained network on test data"),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="test samples to count with --run")] = 32,
    data: Annotated[
        Path | None, typer.Option(help="folder of the data sets", envvar="LIAFBENCH_DATA")
    ] = None,
    results: Annotated[Path, typer.Option(help="results folder that holds the id of --run")] = Path(
        "results"
    ),
    json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Count synapses, operations and neurons of a baseline, for one sample.

    Sparse columns (effective MACs, ACs, energy) come from trained networks only: with --run.
    """
    about: dict[str, Any]
    if run is None:
        net, counts = cost(baseline, task, backbone, engine, budget)
        about = {
            "backbone": net.backbone.name,
            "engine": engine,
            "budget": budget,
            "run": None,
            "time_steps": net.backbone.time_steps,
        }
    else:
        counts, about = _trained(find_run(run, results), samples, data, baseline, task)
    document = {"baseline": baseline, "task": task, **about}
    if json:
        emit_json(document | counts.to_dict() | {"units": METRICS} | _energies(counts))
    else:
        _show(document, counts)


def find_run(run: str, results: Path) -> Path:
    """The run file with this path, or the one with this id below `results`."""
    path = Path(run)
    if path.suffix == ".json":
        if path.is_file():
            return path
        raise UsageError(f"--run {run}: there is no such file")
    found = sorted(results.glob(f"**/runs/{run}.json"))
    if not found:
        raise UsageError(
            f"--run {run}: no run of that id below {results}; give the folder with --results"
        )
    return found[0]


def _trained(
    file: Path, samples: int, data: Path | None, baseline: str, task: str
) -> tuple[Counts, dict[str, Any]]:
    """Counts of the trained network of a run on test samples, and what it was."""
    try:
        run = read_run(file)
    except DamagedRun as error:
        raise UsageError(str(error)) from error
    config = _checked(run, file, baseline, task)
    net = build(
        baseline,
        task,
        config["backbone"] or None,
        config["engine"],
        config["budget_reference"],
        **config["options"],
    )
    weights = file.parent.parent / "checkpoints" / f"{run.run_id}.pt"
    if not weights.is_file():
        raise UsageError(f"--run {file.stem}: its checkpoint {weights} is not there; run it again")
    try:
        net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # what a damaged file raises depends on where it is damaged
        raise UsageError(
            f"{weights}: no weights of {baseline} on {task}: damaged, or of another network; "
            "delete it and run the cell again"
        ) from error
    splits = load(task, data, backbone=config["backbone"] or None, **config["data"])
    counts = trained_counts(net, select_samples(splits.test, samples))
    about = {name: config[name] for name in ("backbone", "engine", "budget")}
    about |= {"run": run.run_id, "seed": config["seed"], "input": "test samples"}
    return counts, about


def _checked(run: Run, file: Path, baseline: str, task: str) -> dict[str, Any]:
    config = run.config.plain()
    if run.kind != "train" or run.status != "done":
        raise UsageError(f"{file}: a {run.kind} run, {run.status}; need a finished training run")
    if config["baselines"] != [baseline] or config["task"] != task:
        trained = f"{'+'.join(config['baselines'])} on {config['task']}"
        raise UsageError(f"{file}: trained {trained}, not {baseline} on {task}")
    return config


def _energies(counts: Counts) -> dict[str, Any]:
    if counts.ac is None:
        return {}
    estimated = {
        m.metric: {
            "value": m.value,
            "spread": _spread(m),
            "unit": m.unit,
        }
        for m in measurements(counts)
        if m.metric.startswith("energy")
    }
    return {"estimated_energy": estimated}


def _show(document: dict[str, Any], counts: Counts) -> None:
    parts = [f"{name} {value}" for name, value in document.items() if value is not None]
    console.print(escape(", ".join(parts)))
    table = Table("layer", box=None, pad_edge=False)
    for name in (*SHOWN, "rate"):
        table.add_column(HEADS.get(name, name), justify="right", no_wrap=True)
    for layer, row in counts.by_layer.iterrows():
        rate = row["spike_rate"]
        cells = [_short(row[name]) for name in SHOWN]
        table.add_row(escape(str(layer) or "(root)"), *cells, f"{rate:.4f}" if rate == rate else "")
    rate = counts.spike_rate
    sums = [_short(getattr(counts, name)) for name in SHOWN]
    table.add_row("total", *sums, "" if rate is None else f"{rate:.4f}", style="bold")
    console.print(table)
    for finding in counts.findings:
        note.print(f"[yellow]finding[/] {escape(finding)}")
    for name in (n for n in METRICS if n != "spike_rate"):
        unit = METRICS[name].replace("1/sample", "per sample").removeprefix("1")
        value = f"{_number(getattr(counts, name))}{_plus_minus(counts.spread.get(name), _number)}"
        console.print(f"{name} {value} {unit}".rstrip())
    if counts.ac is None:
        note.print("mac_effective, ac and energy need a trained network: --run RUN")
        return
    for m in measurements(counts):
        if m.metric.startswith("energy"):
            value = f"{m.value:.4g}{_plus_minus(_spread(m), '{:.2g}'.format)}"
            console.print(f"{m.metric} {value} {m.unit}, estimated")
    over = "one sample" if counts.samples == 1 else f"mean ± std over {counts.samples} samples"
    note.print(
        f"{over}; constants: "
        + "; ".join(f"{c.name} = {c.precision}, {c.title}" for c in ENERGY.values())
    )


def _spread(measured: Measurement) -> float | None:
    return measured.spread if measured.n > 1 else None


def _plus_minus(spread: float | None, shown: Callable[[float], str]) -> str:
    """The spread over samples; one sample has none."""
    return "" if spread is None else f" ± {shown(spread)}"


def _number(value: Any) -> str:
    """A count with thousands separated; a mean that is no integer with one digit."""
    if value is None:
        return "n/a"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _short(value: Any) -> str:
    """A count in three digits and a prefix, for the table; exact numbers stand below it."""
    if value is None:
        return "n/a"
    for prefix, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {prefix}" if value < 999.5 * size else f"{value:.2e}"
    return f"{value:.3g}"
