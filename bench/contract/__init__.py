"""The contract a model, a task or a metric of another package keeps, checked in plain words."""

from __future__ import annotations

from baselines import plugins
from bench import tasks
from bench.contract import cost, form, independence, learning
from bench.contract.data import check_task
from bench.contract.finding import Finding
from bench.contract.subject import subject
from bench.tasks import Task

__all__ = ["Finding", "check"]

AFTER_FORM = (
    independence.deterministic,
    independence.no_leak,
    independence.no_mates,
    independence.whole_state,
    learning.gradients,
    cost.countable,
    learning.learns,
)


def check(
    name: str, task: str = "digits-dvs", backbone: str | None = None, data_dir: str | None = None
) -> list[Finding]:
    """Every check of a baseline on a task; of a task alone where the name is that of a task.

    UsageError where there is nothing of that name, or its task cannot be read.
    """
    if name in tasks.TASKS or isinstance(plugins.find(plugins.TASK_GROUP, name), Task):
        return check_task(tasks.get(name), data_dir)
    return check_model(name, task, backbone, data_dir)


def check_model(name: str, task: str, backbone: str | None, data_dir: str | None) -> list[Finding]:
    """The checks of a model; those that need a working one stop where it has no right form."""
    given = subject(name, task, backbone, data_dir)
    findings = form.builds(given)
    if findings[0].verdict == "wrong":
        return findings
    findings.append(form.shape(given))
    if findings[-1].verdict == "wrong":
        return findings
    return [*findings, *(each(given) for each in AFTER_FORM)]
