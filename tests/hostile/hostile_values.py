"""Values that a stranger may put into any field of a run file, a plan or a suite."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

MARK = "evil_mark"
"""A module that leaves a mark when it is imported; it lies on the path of every command."""

ESCAPES = (
    "\x1b]0;title\x07", "\x1b[2J\x1b[31mred", "\x9b31m", "a\rb", "a\r\nb", "\x00", "\x08\x08x",
    "\u202egnp.exe", "\u2066x\u2069", "\u200fx", "\u061cx", "\u2028", "\x7f", "\x85",
)  # fmt: skip
"""Text that moves the cursor, colours, renames a window or turns the direction of reading."""

TEXTS = (
    *ESCAPES,
    "\ud800", "x\udfff", "\ufeff", "\ufffe", "e\u0301" * 300,
    f"{MARK}:build", MARK, f"{MARK}:Task", f"{MARK}.sub:x", "os:system", "antigravity:x",
    "../../outside/kept", "/etc/passwd", "..", "/", "", " ", "-", "--help", "~",
    "[red]x[/]", "[/]", "[bold", "%s %d {0} {x}", "$(id)", "`id`", "=1+1", "@x", "|a|b|", "a\nb",
    "<script>mark()</script>", "</script><script>mark()</script>", "\" onload=\"mark()", "&lt;",
    "\\input{/etc/passwd}", "\\\\ & % $ # _ { } ~ ^", "nan", "inf", "None", "true", "1e999",
    "digits-dvs", "cnn", "x" * 100_000, "published",
)  # fmt: skip


@dataclass(frozen=True)
class Raw:
    """JSON text that no Python value gives."""

    text: str


NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, 2**70, -(2**70), 10**400, 1e308, -1e308, 5e-324, -0.0,
    0.1, float("nan"), float("inf"), float("-inf"), Raw("1e400"), Raw("9" * 5000),
    Raw("-" + "7" * 5000), Raw("0." + "3" * 5000), Raw("1E-5000"),
)  # fmt: skip
SHAPES: tuple[Any, ...] = (
    None, True, False, [], {}, [[]], [None], [1, "a"], {"": None}, {"a": {"b": []}}, ["cnn"] * 3,
    [float("nan")], [2**70], ["\ud800"], {"\x1b[31m": 1}, {f"{MARK}:x": "1"}, [0] * 30_000,
    ["x" * 200] * 300, {str(n): n for n in range(3_000)}, Raw("[" * 300 + "]" * 300),
    Raw("[" * 100_000 + "]" * 100_000), Raw('{"a":' * 5_000 + "1" + "}" * 5_000),
    Raw('{"a": 1, "a": 2}'), Raw("[1,]"), Raw("undefined"), Raw("'x'"), Raw('"\x01"'),
)  # fmt: skip


def value(draw: random.Random) -> Any:
    """Any hostile value; a third each of texts, numbers and shapes."""
    return draw.choice(draw.choice((TEXTS, NUMBERS, SHAPES)))


def short(of: Any) -> str:
    """A value as one short line of ASCII, for the name of an attack."""
    if isinstance(of, Raw):
        return f"raw {of.text[:20]!r} ({len(of.text)})"
    text = ascii(of) if not isinstance(of, int) or abs(of) < 2**80 else "10^400"
    return text if len(text) < 50 else f"{text[:40]}... ({len(text)})"


def dump(document: Any) -> str:
    """JSON as the product lays it out: sorted by key, one blank a level."""
    texts: dict[str, str] = {}

    def plain(node: Any) -> Any:
        if isinstance(node, Raw) or (type(node) is int and abs(node) > 2**80):
            name = f"@raw{len(texts)}@"
            texts[json.dumps(name)] = node.text if isinstance(node, Raw) else f"1{'0' * 400}"
            return name
        if isinstance(node, dict):
            return {key: plain(each) for key, each in node.items()}
        if isinstance(node, list) and len(node) < 1_000:
            return [plain(each) for each in node]
        return node

    text = json.dumps(plain(document), indent=1, sort_keys=True)
    for name, raw in texts.items():
        text = text.replace(name, raw)
    return text + "\n"


Path = tuple[str | int, ...]


def paths(node: Any, at: Path = ()) -> list[Path]:
    """Where every field of a document is; of a list the first and the last entry."""
    found = [at]
    if isinstance(node, dict):
        for key, each in node.items():
            found += paths(each, (*at, key))
    elif isinstance(node, list) and node:
        for place in dict.fromkeys((0, len(node) - 1)):
            found += paths(node[place], (*at, place))
    return found


def put(node: Any, at: Path, new: Any) -> Any:
    """A copy of a document with another value at a path."""
    if not at:
        return new
    copy = node.copy()
    copy[at[0]] = put(node[at[0]], at[1:], new)
    return copy
