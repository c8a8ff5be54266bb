"""The only door to the terminal."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

console = Console(highlight=False, soft_wrap=True, emoji=False)
note = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def emit_json(document: Any) -> None:
    """Write one JSON document, and nothing else, to standard output."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")
