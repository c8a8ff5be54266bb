"""The arrays in a pickle, read without unpickling: nothing that a file names is called.

The pickles of CIFAR-10 hold a dictionary of numbers, texts, lists and byte arrays. The operations
that build these are interpreted here, on placeholders; any other is an error.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from liafbench.baselines.errors import UsageError

ARRAY, DTYPE, ENCODE = "_reconstruct", "dtype", "encode"
KNOWN = {
    "numpy.core.multiarray _reconstruct": ARRAY,
    "numpy._core.multiarray _reconstruct": ARRAY,
    "numpy ndarray": "ndarray",
    "numpy dtype": DTYPE,
    "_codecs encode": ENCODE,  # how Python 3 writes bytes for Python 2
}
CONSTANTS = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
}
VALUES = {
    "INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES",
}  # fmt: skip
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MARK = object()
MAX_OPERATIONS = 1_000_000  # some 60,000 in a file of CIFAR-10; each may make an object


@dataclass
class Made:
    """What the file would have made: the name of the maker, its arguments, the state set later."""

    maker: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] = ()


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def marked(self) -> list[Any]:
        """What lies above the last mark, taken off with it."""
        place = len(self.stack) - 1
        while self.stack[place] is not MARK:
            place -= 1
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def run(self, name: str, argument: Any) -> None:
        if name in VALUES:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in TUPLES:
            count = TUPLES[name]
            start = len(self.stack) - count
            if start < 0:
                raise IndexError
            self.stack[start:] = [tuple(self.stack[start:])]
        elif name in OPERATIONS:
            OPERATIONS[name](self, argument)
        else:
            raise UsageError(f"the operation {name}")


def _global(machine: _Machine, argument: Any) -> None:
    if argument not in KNOWN:
        raise UsageError(f"the name {argument!r}")
    machine.stack.append(KNOWN[argument])


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, maker = machine.stack.pop(), machine.stack.pop()
    if maker == ENCODE and isinstance(arguments, tuple) and arguments[1:] == ("latin1",):
        machine.stack.append(arguments[0].encode("latin-1"))
        return
    if maker not in (ARRAY, DTYPE) or not isinstance(arguments, tuple):
        raise UsageError("a call of something that makes no array")
    machine.stack.append(Made(maker, arguments))


def _build(machine: _Machine, _: Any) -> None:
    state = machine.stack.pop()
    if not isinstance(machine.stack[-1], Made) or not isinstance(state, tuple):
        raise UsageError("a state of something that is no array")
    machine.stack[-1].state = state


def _append(machine: _Machine, items: list[Any]) -> None:
    if not isinstance(machine.stack[-1], list):
        raise UsageError("an item of something that is no list")
    machine.stack[-1].extend(items)


def _set(machine: _Machine, items: list[Any]) -> None:
    if not isinstance(machine.stack[-1], dict) or len(items) % 2:
        raise UsageError("an entry of something that is no dictionary")
    # Texts only: the hash of tuples nested deep enough ends the interpreter.
    if not all(isinstance(key, (str, bytes)) for key in items[::2]):
        raise UsageError("a dictionary with a key that is no text")
    machine.stack[-1].update(zip(items[::2], items[1::2], strict=True))


def _dictionary(machine: _Machine, _: Any) -> None:
    items = machine.marked()
    machine.stack.append({})
    _set(machine, items)


OPERATIONS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": lambda machine, _: machine.stack.append(MARK),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "DICT": _dictionary,
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "LIST": lambda machine, _: machine.stack.append(machine.marked()),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.marked())),
    "APPEND": lambda machine, _: _append(machine, [machine.stack.pop()]),
    "APPENDS": lambda machine, _: _append(machine, machine.marked()),
    "SETITEM": lambda machine, _: _set(machine, [machine.stack.pop(), machine.stack.pop()][::-1]),
    "SETITEMS": lambda machine, _: _set(machine, machine.marked()),
    "PUT": lambda machine, place: machine.memo.update({place: machine.stack[-1]}),
    "BINPUT": lambda machine, place: machine.memo.update({place: machine.stack[-1]}),
    "LONG_BINPUT": lambda machine, place: machine.memo.update({place: machine.stack[-1]}),
    "GET": lambda machine, place: machine.stack.append(machine.memo[place]),
    "BINGET": lambda machine, place: machine.stack.append(machine.memo[place]),
    "LONG_BINGET": lambda machine, place: machine.stack.append(machine.memo[place]),
    "GLOBAL": _global,
    "REDUCE": _reduce,
    "BUILD": _build,
}


def read_pickle(data: bytes, name: str) -> dict[str, Any]:
    """The dictionary in a pickle, uint8 arrays as arrays; `name` stands for the file in errors."""
    machine = _Machine()
    try:
        for place, (operation, argument, _) in enumerate(pickletools.genops(data)):
            if place >= MAX_OPERATIONS:
                raise UsageError(f"more than {MAX_OPERATIONS} operations")
            machine.run(operation.name, argument)
        value = machine.stack.pop()
    except UsageError as error:
        raise UsageError(f"{name} is no pickle of plain arrays: it holds {error}") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UsageError(f"{name} is no intact pickle: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{name} holds no dictionary")
    return {
        _text(key): _array(item, name) if isinstance(item, Made) else item
        for key, item in value.items()
    }


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _array(made: Made, name: str) -> np.ndarray:
    """The uint8 array that the state of a placeholder describes."""
    fault = UsageError(f"{name} holds an array that is not of unsigned bytes in C order")
    if made.maker != ARRAY or len(made.state) != 5:
        raise fault
    _, shape, kind, fortran, raw = made.state
    if (
        not isinstance(kind, Made)
        or kind.maker != DTYPE
        or kind.arguments[:1] not in (("u1",), (b"u1",))
    ):
        raise fault
    if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise fault
    content = raw.encode("latin-1") if isinstance(raw, str) else raw
    if fortran or not isinstance(content, bytes) or len(content) != math.prod(shape):
        raise fault
    return np.frombuffer(content, np.uint8).reshape(shape)
