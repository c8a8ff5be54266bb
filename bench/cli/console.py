"""The only door to the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from liafbench.bench.runfiles import Finding

console = Console(highlight=False, soft_wrap=True, emoji=False)
note = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def emit_json(document: Any) -> None:
    """Write one JSON document, and nothing else, to standard output."""
    # Where the encoding lacks a character, JSON has an escape for it.
    ascii_only = not str(sys.stdout.encoding).lower().startswith("utf")
    json.dump(document, sys.stdout, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    sys.stdout.write("\n")


def show_path(path: Path) -> None:
    """Print a path on a line of its own; its characters do nothing to the terminal."""
    console.print(escape(_plain(path)))


def show_findings(findings: Iterable[Finding]) -> None:
    """Name what could not be used, one line each on standard error."""
    for finding in findings:
        line = f"{_plain(finding.path)}: {finding.reason}"
        note.print(f"[yellow]left out[/] {escape(line)}")


def _plain(path: Path) -> str:
    from liafbench.bench.runfiles import printable

    return printable(str(path))
