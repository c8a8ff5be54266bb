"""The contract a model or a task of another package keeps, checked in plain words."""

from __future__ import annotations

from collections.abc import Callable

from liafbench.baselines import plugins
from liafbench.bench import tasks
from liafbench.bench.conformance import cost, independence, learning, model_checks
from liafbench.bench.conformance.data import check_task
from liafbench.bench.conformance.finding import RAISED_BY_MODELS, Finding, said
from liafbench.bench.conformance.fixture import Fixture, fixture
from liafbench.bench.tasks import Task

__all__ = ["Finding", "check"]

Check = Callable[[Fixture], Finding]


def check(
    name: str, task: str = "digits-dvs", backbone: str | None = None, data_dir: str | None = None
) -> list[Finding]:
    """Every check of a baseline on a task; of a task alone where the name is that of a task.

    UsageError where there is nothing of that name, or its task cannot be read.
    """
    if name in tasks.TASKS or isinstance(plugins.find(plugins.TASK_GROUP, name), Task):
        return check_task(tasks.get(name), data_dir)
    return check_model(fixture(name, task, backbone, data_dir))


def check_model(given: Fixture) -> list[Finding]:
    """The checks of a model, each only where the ones it rests on found nothing wrong."""
    findings = model_checks.builds(given)
    if not _all_right(findings[:1]):
        return findings
    findings.append(model_checks.shape(given))
    if not _all_right(findings[-1:]):
        return findings
    state = [_tried(independence.deterministic, given), _tried(independence.no_leak, given)]
    if _all_right(state):  # state that survives a call is no part of a checkpoint either
        state.append(_tried(independence.whole_state, given))
    steps = [_tried(learning.gradients, given)]
    if _all_right(steps):
        steps.append(_tried(learning.learns, given))
    others = [_tried(independence.no_mates, given), _tried(cost.countable, given)]
    return [*findings, *state, *others, *steps]


def _tried(one: Check, given: Fixture) -> Finding:
    try:
        return one(given)
    except RAISED_BY_MODELS as error:
        name = one.__name__.replace("_", " ")
        return Finding(name, "wrong", f"while this was tried it raised {said(error)}")


def _all_right(findings: list[Finding]) -> bool:
    return all(finding.verdict != "wrong" for finding in findings)
