"""Is it a network of the task: it builds, and gives logits of the right shape."""

from __future__ import annotations

from typing import Any

import torch

from liafbench.baselines.errors import UsageError
from liafbench.bench.conformance.finding import RAISED_BY_MODELS, Finding, said
from liafbench.bench.conformance.fixture import Fixture, result


def builds(fixture: Fixture) -> list[Finding]:
    """A module with trainable parameters, the same for the same seed."""
    try:
        net, again = fixture.net(), fixture.net()
    except RAISED_BY_MODELS as error:
        text = str(error) if isinstance(error, UsageError) else f"building raised {said(error)}"
        return [Finding("builds", "wrong", text)]
    count = fixture.parameters()
    if count == 0:
        return [Finding("builds", "wrong", "it has no trainable parameter")]
    findings = [Finding("builds", "ok", f"{count:,} trainable parameters")]
    pairs = zip(net.state_dict().items(), again.state_dict().values(), strict=True)
    different = [name for (name, one), two in pairs if not torch.equal(one, two)]
    if different:
        text = (
            f"two networks built from one seed differ in {_some(different)}: "
            "draw random numbers from torch only, they are what the seed fixes"
        )
        findings.append(Finding("same seed, same weights", "wrong", text))
    else:
        findings.append(Finding("same seed, same weights", "ok", "two builds are alike"))
    return [*findings, _width(fixture, count)]


def _width(fixture: Fixture, count: int) -> Finding:
    if fixture.parameters(width=2.0) != count:
        return Finding("equal budget", "ok", "its size follows the width of the backbone")
    text = (
        "its size does not follow the backbone's width, so it has no row at equal budget; "
        "take layer sizes from backbone.stages or backbone.recurrent_units"
    )
    return Finding("equal budget", "note", text)


def shape(fixture: Fixture) -> Finding:
    """Logits [B, classes], floating point and finite."""
    try:
        logits = result(fixture.net(), fixture.x)
    except RAISED_BY_MODELS as error:
        return Finding("shape", "wrong", f"calling it on {_input(fixture)} raised {said(error)}")
    problem = _problem(fixture, logits)
    if problem:
        return Finding("shape", "wrong", problem)
    return Finding("shape", "ok", f"logits {list(logits.shape)} from {_input(fixture)}")


def _problem(fixture: Fixture, logits: Any) -> str:
    if not isinstance(logits, torch.Tensor):
        return f"it returned a {type(logits).__name__}; return the logits alone, as one tensor"
    steps, batch = fixture.x.shape[:2]
    wanted = [batch, fixture.backbone.classes]
    found = list(logits.shape)
    if found == [steps, *wanted]:
        return (
            f"it returned {found}, which still has the time axis; take the mean over time or "
            f"the last step, so that {wanted} is left"
        )
    if found == wanted[::-1]:
        return f"it returned {found}, batch and classes the wrong way round; expected {wanted}"
    if found != wanted:
        return (
            f"it returned {found}; expected logits {wanted}: "
            f"{batch} samples, {wanted[1]} classes of {fixture.task}"
        )
    if not logits.is_floating_point():
        return f"it returned {logits.dtype} logits; return scores, not the chosen classes"
    if not bool(torch.isfinite(logits).all()):
        return "some of its logits are not finite (nan or inf) before any training"
    return ""


def _input(fixture: Fixture) -> str:
    return f"{'tokens' if fixture.backbone.tokens else 'frames'} {list(fixture.x.shape)}"


def _some(names: list[str], shown: int = 3) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
