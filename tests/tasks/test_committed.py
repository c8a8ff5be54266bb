"""What the committed runs were made from is what is read today: files, splits, frames."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from liafbench.bench.tasks import TASKS, load

RESULTS = Path(__file__).resolve().parents[2] / "results"
FRAMES = {
    "digits-dvs": "b17f14aa3324ebf59b043c99985add789fe70c85c57c74d5fc957cf7b3b29ae1",
    "babi-sim": "5ace8fc34ae3ad177b8ea14e8fa1e2da00ff2b27866b69ae2189a6dd64466ff4",
}
"""SHA-256 of every batch of 256 samples, in order, and its targets: the data of numerics 1."""


def committed() -> dict[str, dict[str, Any]]:
    """One run of every task and data options, by a name of both."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(RESULTS.rglob("runs/*.json")):
        run = json.loads(path.read_text())
        config = run["config"]
        if config.get("kind") == "train" and run["provenance"].get("data", {}).get("files"):
            place = [config["task"], config["backbone"], config["data"]]
            found.setdefault(json.dumps(place), run)
    return found


RUNS = committed()


@pytest.mark.parametrize("place", RUNS)
def test_a_committed_run_is_of_the_data_that_is_read(data_dir: Path, place: str) -> None:
    task, backbone, options = json.loads(place)
    if not TASKS[task].embedded and not (data_dir / TASKS[task].folder).is_dir():
        pytest.skip(f"no {task}")
    now = load(task, data_dir, backbone=backbone, **options).provenance
    then = RUNS[place]["provenance"]["data"]
    if then["files"] != now["files"] and then["partial"]:
        pytest.skip("another part of the set")
    for key in ("files", "split_checksum", "partial"):
        assert now[key] == then[key]


@pytest.mark.parametrize("task", FRAMES)
def test_the_data_that_comes_with_the_suite_is_what_it_was(task: str) -> None:
    digest = hashlib.sha256()
    for split in load(task):
        for batch in split.batches(256):
            digest.update(batch.x.contiguous().numpy().tobytes() + batch.y.numpy().tobytes())
    assert digest.hexdigest() == FRAMES[task]
