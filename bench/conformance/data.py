"""Is a task of another package fit to be compared on."""

from __future__ import annotations

import torch

from liafbench.baselines.backbones import get
from liafbench.bench import tasks
from liafbench.bench.conformance.finding import Finding
from liafbench.bench.tasks import Splits, Task


def check_task(task: Task, data_dir: str | None) -> list[Finding]:
    """Read it on each of its backbones and look at splits, targets, shapes and repeatability."""
    findings = []
    for backbone in task.backbones:
        splits = tasks.load(task.name, data_dir, backbone=backbone)
        findings += [_apart(splits), _targets(splits, task), _shapes(splits, task, backbone)]
        again = tasks.load(task.name, data_dir, backbone=backbone)
        findings.append(_repeatable(splits, again))
    return findings


def _apart(splits: Splits) -> Finding:
    name = "splits"
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    empty = [each for each, part in parts.items() if not len(part)]
    if empty:
        return Finding(name, "wrong", f"no sample in {', '.join(empty)}")
    seen: dict[str, str] = {}
    for each, part in parts.items():
        for source in sorted(set(part.sources)):
            if source in seen:
                text = f"{source!r} is in {seen[source]} and in {each}; a source has one side"
                return Finding(name, "wrong", text)
            seen[source] = each
    sizes = ", ".join(f"{len(part):,} {each}" for each, part in parts.items())
    return Finding(name, "ok", f"{sizes}, nothing in two of them")


def _targets(splits: Splits, task: Task) -> Finding:
    low = min(int(part.targets.min()) for part in splits)
    high = max(int(part.targets.max()) for part in splits)
    if low < 0 or high >= task.classes:
        text = f"targets go from {low} to {high}; with {task.classes} classes they are 0 to "
        return Finding("targets", "wrong", f"{text}{task.classes - 1}")
    return Finding("targets", "ok", f"{low} to {high} of {task.classes} classes")


def _shapes(splits: Splits, task: Task, backbone: str) -> Finding:
    name = f"shape on {backbone}"
    x = next(splits.train.batches(2)).x
    network = get(task.name, backbone)
    if network.tokens:
        wrong = x.dim() != 2 or x.dtype != torch.int64
        wanted = "[T, B] int64 tokens"
    else:
        wanted = f"[T, B, {network.channels}, {network.height}, {network.width}] float32 frames"
        wrong = tuple(x.shape[2:]) != network.sample_shape or x.dtype != torch.float32
    if wrong:
        return Finding(name, "wrong", f"a batch is {list(x.shape)} {x.dtype}; expected {wanted}")
    return Finding(name, "ok", wanted)


def _repeatable(splits: Splits, again: Splits) -> Finding:
    name = "repeatable"
    pairs = zip(splits, again, strict=True)
    same = splits.checksum == again.checksum and all(
        torch.equal(next(one.batches(8)).x, next(two.batches(8)).x) for one, two in pairs
    )
    if not same:
        return Finding(name, "wrong", "read twice, the splits or their samples differ")
    return Finding(name, "ok", "read twice, it is the same")
