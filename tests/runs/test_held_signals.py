"""Signals that are held until they may be handled, by real ones sent to this process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from liafbench.bench.runs.cluster.signals import Held

BOTH = (signal.SIGINT, signal.SIGTERM)


class Raised(BaseException):
    """What the handlers of the test raise."""


@pytest.fixture
def raising() -> Iterator[None]:
    def handler(_number: int, _frame: FrameType | None) -> None:
        raise Raised

    before = {number: signal.signal(number, handler) for number in BOTH}
    yield
    for number, old in before.items():
        signal.signal(number, old)


@pytest.mark.usefixtures("raising")
@pytest.mark.parametrize("sent", BOTH)
def test_a_signal_waits_until_it_is_handled(sent: signal.Signals) -> None:
    held = Held()
    held.hold()
    held.handle()  # nothing came
    signal.raise_signal(sent)
    with pytest.raises(Raised):
        held.handle()
    held.release()
    with pytest.raises(Raised):
        signal.raise_signal(sent)


@pytest.mark.usefixtures("raising")
def test_handlers_that_another_library_sets_meanwhile_are_replaced() -> None:
    held = Held()
    held.hold()
    signal.signal(signal.SIGTERM, lambda *_: None)
    held.again()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Raised):
        held.handle()
    held.release()
