"""The arguments of an operator as its schema names them."""

from __future__ import annotations

from typing import Any

from liafbench.bench.counting.geometry import Pads


def in_schema_order(func: Any, args: Any, kwargs: dict[str, Any]) -> list[Any]:
    """All arguments in the order of the schema, defaults filled in."""
    values = list(args)
    for argument in func._schema.arguments[len(args) :]:
        if argument.name in kwargs:
            values.append(kwargs[argument.name])
        else:
            values.append(argument.default_value if argument.has_default_value() else None)
    return values


def zero_padding(name: str, args: list[Any]) -> Pads:
    """The zeros that a padding operator puts around its input, by axis; () for anything else."""
    value = args[2] if name == "constant_pad_nd" else args[3]
    mode = "constant" if name == "constant_pad_nd" else args[2]
    if value or mode != "constant" or min(args[1]) < 0:
        return ()
    pairs = [(args[1][i], args[1][i + 1]) for i in range(0, len(args[1]), 2)]
    return tuple(reversed(pairs))
