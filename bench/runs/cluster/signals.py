"""Ctrl-C and SIGTERM beside Ray, whose compiled calls turn an error of a handler into another."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


class Held:
    """Signals are noted from `hold` to `release`; `handle` does in between what they ask for."""

    def __init__(self) -> None:
        self._handlers: dict[int, Handler] = {}
        self._noted: list[tuple[int, FrameType | None]] = []

    def hold(self) -> None:
        """From here on; only the main thread has handlers to keep."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
        self.again()

    def again(self) -> None:
        """Once more: Ray sets handlers of its own when it starts."""
        for number in self._handlers:
            signal.signal(number, self._note)

    def handle(self) -> None:
        """Do what the first signal that came asks for, in a place where an error may leave."""
        if self._noted:
            number, frame = self._noted.pop(0)
            self._handlers[number](number, frame)

    def release(self) -> None:
        """The handlers of before are back."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted.append((number, frame))
