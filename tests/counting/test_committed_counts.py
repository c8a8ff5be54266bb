"""Dense counts of committed runs follow from shapes: they are what is counted today."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from liafbench.bench.costs.cost import cost
from liafbench.bench.counting import Counts
from liafbench.bench.results.load import _remarks
from liafbench.bench.runfiles import Run, read_run

RESULTS = Path(__file__).resolve().parents[2] / "results"
DENSE = ("mac_dense", "elementwise", "flops", "neuron_updates")
OLD = "counts: elementwise, flops and energy by an older rule"

pytestmark = pytest.mark.skipif(not RESULTS.exists(), reason="installed without its results")


@cache
def counted(baseline: str, task: str, backbone: str, reference: str | None) -> Counts:
    return cost(baseline, task, backbone, budget=reference)[1]


def trained_on_frames() -> list[Run]:
    """Stories differ in length, so that shapes alone do not tell their counts."""
    paths = sorted(RESULTS.glob("*/*/runs/*.json"))
    documents = (json.loads(path.read_bytes()) for path in paths)
    return [
        read_run(path)
        for path, document in zip(paths, documents, strict=True)
        if document["kind"] == "train"
        and document["status"] == "done"
        and document["config"]["backbone"] != "tokens"
    ]


def test_committed_dense_counts_are_those_of_today() -> None:
    runs = trained_on_frames()
    assert len(runs) > 200
    for run in runs:
        config = run.config
        (baseline,) = config.baselines
        now = counted(baseline, config.task, config.backbone, config.budget_reference)
        stored = {record.metric: record.value for record in run.records}
        assert {name: stored[name] for name in DENSE} == {
            name: getattr(now, name) for name in DENSE
        }, run.run_id
        assert not run.counts_are_old


@pytest.mark.parametrize(
    ("baseline", "backbone", "old"),
    [
        ("lif-snn", "small", True),
        ("liaf-net-alpha0", "plif", True),
        ("lif-snn", "tokens", False),
        ("lstm", "small", False),
        ("their.module:build", "tokens", True),
    ],
)
def test_a_run_of_the_first_counts_says_so_where_they_moved(
    baseline: str, backbone: str, old: bool
) -> None:
    record = {
        "task": "digits-dvs",
        "backbone": backbone,
        "baseline": baseline,
        "engine": "native",
        "budget": "equal-backbone",
        "seed": 0,
        "metric": "elementwise",
        "value": 5.0,
        "unit": "1/sample",
        "n": 1,
        "spread": None,
    }
    document: dict[str, Any] = {
        "run_id": "0" * 16,
        "suite": "mine",
        "kind": "train",
        "status": "done",
        "config": {
            "kind": "train",
            "baselines": [baseline],
            "task": "digits-dvs",
            "backbone": backbone,
            "engine": "native",
            "budget": "equal-backbone",
            "numerics_version": 1,
        },
        "records": [record],
    }
    uncounted = Run.of(**document | {"records": []})
    assert OLD not in _remarks(uncounted)
    assert (OLD in _remarks(Run.of(**document))) is old
    assert OLD not in _remarks(Run.of(**document, counts_version=2))
