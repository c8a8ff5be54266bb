"""Networks that run without the counter: counted right, or refused in one line with the reason."""

from __future__ import annotations

import re

import pytest
import torch
from support.zoo.awkward import CASES

from liafbench.baselines.errors import UsageError
from liafbench.bench.counting import count

INTERNAL = re.compile(r"0x[0-9a-f]{6,}|INTERNAL ASSERT|Traceback|<liafbench|object at")


def copied(inputs: tuple[object, ...]) -> tuple[object, ...]:
    """Their own tensors, since some networks write into what they are given."""
    with torch.no_grad():
        return tuple(
            x.clone() if torch.is_tensor(x) and not x.is_inference() and not x.is_nested else x
            for x in inputs
        )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_counted_right_or_refused_for_the_reason(name: str) -> None:
    case = CASES[name]
    with torch.no_grad():
        case.build().eval()(*copied(case.inputs))
    try:
        counts = count(case.build(), copied(case.inputs))
    except UsageError as error:
        line = str(error)
        assert case.reason is not None, line
        assert re.search(case.reason, line), line
        assert "\n" not in line
        assert not INTERNAL.search(line), line
    else:
        assert case.right is not None, "counted, and it cannot be seen"
        assert {key: getattr(counts, key) for key in case.right} == case.right
